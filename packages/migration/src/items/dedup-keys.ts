import type { Client } from '@querator/client';
import { QueueError } from '@querator/core';
import type { ItemsDedupKey } from '@querator/protocol';
import { repeat, type Work } from '../repeat.ts';

/** A page of the dedup keys of producers. */
export interface KeysPage {
  readonly keys: readonly ItemsDedupKey[];
  /** Where the next page begins. Empty: no more. */
  readonly cursor: string;
}

/**
 * Why the dedup keys of a queue are left out.
 *
 * - `hidden`: the caller may not see the ids of its items.
 * - `unsupported`: the server is of a version that does not show or take keys.
 */
export type KeysLeftOut = 'hidden' | 'unsupported';

const PAGE = 1_000;
/** Ids of one request. A key of an import has at most 10,000. */
const MOST_IDS = 60_000;

/** The keys of imports, moves and schedules protect only what the server that has them does. */
const NOT_OF_PRODUCERS = /^(import|migrate|schedule)\//;

/**
 * Reads keys that producers stored. A server that has `v1` only has none.
 *
 * @throws the error of the call.
 */
export async function readKeys(
  options: Work & { readonly client: Client },
  queueName: string,
  cursor: string,
): Promise<KeysPage | KeysLeftOut> {
  const { client, signal } = options;
  const request = { queueName, cursor, limit: PAGE, dedupKeys: true };
  try {
    const page = await repeat(options, () => client.v2.items.export(request, { signal }));
    if (!page.hasDedupKeys) return 'unsupported';
    const keys = page.dedupKeys.filter(({ key }) => !NOT_OF_PRODUCERS.test(key));
    return keys.some(({ ids }) => ids.length === 0) ? 'hidden' : { keys, cursor: page.cursor };
  } catch (error) {
    if (error instanceof QueueError && error.code === 'unknown_method') return { keys: [], cursor: '' };
    if (isUnknownField(error)) return 'unsupported';
    throw error;
  }
}

/** An earlier version refuses a request of JSON with a field that it does not know. */
function isUnknownField(error: unknown): boolean {
  return (
    error instanceof QueueError && error.code === 'invalid' && /unknown field.*dedup_keys/.test(error.message)
  );
}

/** What became of the dedup keys of a queue. */
export interface KeyCounts {
  /** Keys that are stored now. */
  readonly stored: number;
  /** Keys that the queue held already, or that have ended meanwhile. */
  readonly present: number;
  /** Why there are no others. */
  readonly leftOut?: KeysLeftOut | undefined;
}

/** Stores dedup keys of producers in a queue, in batches. May be repeated: a key is stored once. */
export class KeyImporter {
  readonly #options: Work & { readonly client: Client };
  readonly #queueName: string;
  #batch: ItemsDedupKey[] = [];
  #ids = 0;
  #counts: KeyCounts = { stored: 0, present: 0 };

  constructor(options: Work & { readonly client: Client }, queueName: string) {
    this.#options = options;
    this.#queueName = queueName;
  }

  get counts(): KeyCounts {
    return this.#counts;
  }

  /** Adds a key. Sends a batch if it is full. @throws the error of the call. */
  async add(key: ItemsDedupKey): Promise<void> {
    if (this.#batch.length >= PAGE || this.#ids + key.ids.length > MOST_IDS) await this.flush();
    this.#batch.push(key);
    this.#ids += key.ids.length;
  }

  /** Sends what was added. When it resolves, the keys are durable. @throws the error of the call. */
  async flush(): Promise<void> {
    const dedupKeys = this.#batch;
    if (dedupKeys.length === 0 || this.#counts.leftOut !== undefined) return;
    this.#batch = [];
    this.#ids = 0;
    const { client, signal } = this.#options;
    const request = { queueName: this.#queueName, dedupKeys };
    try {
      const { keysStored, keysPresent } = await repeat(this.#options, () =>
        client.v2.items.import(request, { signal }),
      );
      const { stored, present } = this.#counts;
      this.#counts = { stored: stored + keysStored, present: present + keysPresent };
    } catch (error) {
      if (!isUnsupported(error)) throw error;
      this.#counts = { ...this.#counts, leftOut: 'unsupported' };
    }
  }
}

/** An earlier version takes the request for one without items. */
function isUnsupported(error: unknown): boolean {
  const isEmpty = error instanceof QueueError && error.message === 'items is invalid; cannot be empty';
  return isEmpty || isUnknownField(error);
}
