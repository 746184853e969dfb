import type { ItemContent } from './item.ts';

/** Once a storage call has taken so many bytes of payload, it may leave what it would otherwise take as well. */
export const PAYLOAD_BUDGET = 16_000_000;

/** Whether a storage call that took these items may have left others for their size. */
export function isBudgetSpent(items: readonly ItemContent[]): boolean {
  let bytes = 0;
  for (const { payload } of items) bytes += payload.byteLength;
  return bytes >= PAYLOAD_BUDGET;
}
