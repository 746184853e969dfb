/** What the blocks of a page take from their reader, as declarations. A page without a row leaves nothing out. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  'packages/access/README.md': `
    type Given = ConstructorParameters<typeof AccessControl>[0];
    declare const store: Given['store'];
    declare const clock: Given['clock'];
    declare const monotonicMs: Given['monotonicMs'];
    declare const random: Given['random'];
    declare const namespaceOf: ConstructorParameters<typeof QueueAuthorizer>[0];`,
  'packages/protocol/README.md': `
    declare const headers: { get(name: string): string | undefined };
    declare const body: Uint8Array;`,
};

const DRIVER = `
import type { Clock, Random, StorageBackend } from '@querator/core';
export interface MyOptions { path?: string | undefined; url?: string }
interface Options extends MyOptions { name: string; clock: Clock; random: Random }
export declare function myBackend(options: Options): StorageBackend;
export declare function startMyDatabase(): Promise<{ url: string; stop(): Promise<void> }>;
`;

/** The files that pages import from a reader's own project, by their path from the blocks. */
export const OTHER_FILES: ReadonlyMap<string, string> = new Map([
  ['my-driver.ts', DRIVER],
  ['my-backend.ts', DRIVER],
  ['../src/index.ts', DRIVER],
]);
