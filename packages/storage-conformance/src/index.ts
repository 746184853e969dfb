export { describeStorage } from './describe-storage.ts';
export type { OpenOptions, StorageSetup } from './storage-setup.ts';
