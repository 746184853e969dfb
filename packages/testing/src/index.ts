export type { CallName } from './call-faults.ts';
export type { ItemPlace, TestItem } from './test-item.ts';
export { type ItemWish, type TestQueues, testQueues, type WaitOptions } from './test-queues.ts';
