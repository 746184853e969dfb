export { describeStorage } from './describe-storage.ts';
export type { OpenOptions, StorageSetup } from './fixture/storage-setup.ts';
