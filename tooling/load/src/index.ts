export { Ledger } from './ledger.ts';
export { Load } from './load.ts';
export { DEFAULT_QUEUE, type LoadedServer } from './load-options.ts';
