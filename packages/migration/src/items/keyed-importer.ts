import type { Client } from '@querator/client';
import { QueueError } from '@querator/core';
import type { ItemsItem, QueueProducedItem } from '@querator/protocol';
import { repeat, type Work } from '../repeat.ts';

/** Items of one request, and their bytes. A server takes 10,000 items and 64 MB. */
const BATCH = { items: 1_000, bytes: 16_000_000 };

export interface KeyedImporterOptions extends Work {
  readonly client: Client;
  readonly queueName: string;
  /** How long the server remembers the keys, such as `24h`. */
  readonly window: string;
  /** Called with the key of each item that the queue had before. */
  readonly present?: ((key: string) => void) | undefined;
}

/** An item, and the key under which it is stored once. */
export interface ItemToImport {
  /** 1 to 256 bytes. */
  readonly key: string;
  readonly item: ItemsItem;
}

/** What became of the items of an import. */
export interface ImportCounts {
  /** Items that this importer stored. */
  readonly stored: number;
  /** Items whose keys the queue held, or dead letters that it has. */
  readonly present: number;
}

/** Codes of items whose partition failed: the keys make it safe to send them again. */
const MAY_PASS: ReadonlySet<string> = new Set(['unavailable', 'outcome_unknown']);

/** The server stored none of some items, and will not. */
export class ItemRefused extends Error {
  override readonly name = 'ItemRefused';

  constructor({ key }: ItemToImport, { code, message }: Pick<QueueProducedItem, 'code' | 'message'>) {
    super(`the item with the key '${key}' is refused: ${message} (${code})`);
  }
}

/**
 * Imports items into a queue, in batches and in order. Each has a dedup key: so an
 * import that was killed is begun again from its first item, or from any that is known
 * to be stored, and stores each item once.
 */
export class KeyedImporter {
  readonly #options: KeyedImporterOptions;
  #batch: ItemToImport[] = [];
  #bytes = 0;
  #stored = 0;
  #present = 0;

  constructor(options: KeyedImporterOptions) {
    this.#options = options;
  }

  get counts(): ImportCounts {
    return { stored: this.#stored, present: this.#present };
  }

  /** Adds an item. Sends a batch if it is full. @throws as {@link flush}. */
  async add(item: ItemToImport): Promise<void> {
    this.#batch.push(item);
    this.#bytes += item.item.payload.length + item.key.length + 200;
    if (this.#batch.length >= BATCH.items || this.#bytes >= BATCH.bytes) await this.flush();
  }

  /**
   * Sends what was added. When it resolves, all items are durable in the queue, or were
   * there before.
   *
   * @throws ItemRefused, or the error of the call.
   */
  async flush(): Promise<void> {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#bytes = 0;
    const outcomes = await repeat(this.#options, () => this.#send(batch));
    const present = batch.filter((_, n) => outcomes[n]?.duplicate === true);
    for (const { key } of present) this.#options.present?.(key);
    this.#present += present.length;
    this.#stored += batch.length - present.length;
  }

  async #send(batch: readonly ItemToImport[]): Promise<readonly QueueProducedItem[]> {
    const { client, queueName, window, signal } = this.#options;
    const items = batch.map(({ key, item }) => ({ ...item, dedupKey: key }));
    const request = { queueName, items, dedupWindow: window };
    const { items: outcomes } = await client.v2.items.import(request, { signal });
    const failed = outcomes.findIndex(({ code }) => code !== '');
    if (failed < 0) return outcomes;
    const [item, outcome] = [batch[failed] as ItemToImport, outcomes[failed] as QueueProducedItem];
    if (!MAY_PASS.has(outcome.code)) throw new ItemRefused(item, outcome);
    throw new QueueError('retry', outcome.message, { reason: outcome.code });
  }
}
