export { type BenchOptions, type BenchRow, benchDriver } from './bench/bench-driver.ts';
export { describeStorage } from './describe-storage.ts';
export type { OpenOptions, ProcessSetup, StorageSetup, StorageWithFaults } from './fixture/storage-setup.ts';
