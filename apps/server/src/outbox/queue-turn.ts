import {
  checkMetadata,
  checkQueueName,
  type NewItem,
  newItemBytes,
  type Outbox,
  type OutboxBatch,
  type OutboxFault,
  type OutboxQueue,
  type OutboxRow,
  QueueError,
  type StorageBackend,
  StorageError,
} from '@querator/core';
import type { Service } from '@querator/engine';
import type { ActingUser } from './acting-user.ts';
import type { QueueFault } from './queue-faults.ts';

/** Bounds of what a turn holds in memory. A row that goes past the bytes is the last one. */
const MOST_ROWS = 1_000;
const MOST_BYTES = 4_000_000;
/**
 * How long a produce waits for a partition that is out of service. Short, because others wait
 * for the turn; and shorter than the time after which a relay is sure of earlier ones.
 */
const PRODUCE_TIMEOUT = '2s';
/** An hour longer than a batch is repeated. */
const DEDUP_WINDOW = '24h';
/** After a refused batch its queue moves row by row, until the wrong one is found. Then batches grow again. */
const GROWTH = 4;
/** The most queues whose batches are kept small. */
const MOST_NARROW = 1_000;

export interface QueueTurnsDeps {
  readonly outbox: Outbox;
  readonly user: Pick<ActingUser, 'beginProduce'>;
  readonly service: Pick<Service, 'keyedProduces' | 'outboxProduces'>;
  /** The storages of items. Rows go to those in the database of the outbox in one transaction. */
  readonly storages: readonly StorageBackend[];
}

/** What one turn of a queue did. */
export type TurnResult =
  /** `delayMs` is the age of the oldest of the rows. */
  | { readonly did: 'move'; readonly rows: number; readonly delayMs: number; readonly isFull: boolean }
  | { readonly did: 'fail'; readonly fault: QueueFault }
  | { readonly did: 'nothing' };

const NOTHING: TurnResult = { did: 'nothing' };

/** Moves the rows of an outbox to their queues, a batch of one queue at a time. */
export class QueueTurns {
  readonly #deps: QueueTurnsDeps;
  /** The most rows of the next batch of a queue. Absent: {@link MOST_ROWS}. */
  readonly #rowLimits = new Map<string, number>();
  /** The names of the storages in the database of the outbox, as found under a token. */
  #near: { readonly token: string; readonly storages: Promise<ReadonlySet<string>> } | undefined;

  constructor(deps: QueueTurnsDeps) {
    this.#deps = deps;
  }

  /**
   * Moves the first rows of a queue, or marks the queue with what prevents it.
   *
   * @param token of the relay that holds the outbox.
   * @throws StorageError of the outbox. The next turn goes on.
   */
  async run({ queue, hasBatch }: OutboxQueue, token: string, signal: AbortSignal): Promise<TurnResult> {
    const { outbox } = this.#deps;
    if (hasBatch) {
      const begun = await outbox.batch(queue, token);
      if (begun !== undefined) return this.#send(begun, begun.rows, token, signal);
    }
    const limit = this.#rowLimits.get(queue) ?? MOST_ROWS;
    const { rows, drops } = await outbox.rows(queue, { rows: limit, bytes: MOST_BYTES });
    const [first] = rows;
    if (first === undefined) return NOTHING;
    const faults = rows.map((row) => faultOf(queue, row));
    const good = faults.findIndex((fault) => fault !== undefined);
    const sent = good < 0 ? rows : rows.slice(0, good);
    if (sent.length === 0) return this.#fail(queue, first.id, faults[0] as QueueError, { token });
    try {
      const near = await this.#storagesOf(token);
      if (await this.#deps.service.outboxProduces.isOn(queue, near))
        return await this.#move(queue, sent, token);
    } catch (error) {
      return this.#refused(queue, sent, error, { token });
    }
    const batch = { ids: sent.map(({ id }) => id), drops, token };
    const begun = await outbox.beginBatch(queue, batch);
    return begun === undefined ? NOTHING : this.#send(begun, sent, token, signal);
  }

  /** Moves rows in one transaction. If its outcome is unknown, the rows themselves tell: they are there, or not. */
  async #move(queue: string, rows: readonly OutboxRow[], token: string): Promise<TurnResult> {
    const { outbox, service } = this.#deps;
    const items = rows.map(({ item }) => item);
    const move = { outbox: { schema: outbox.schema, token }, queue, ids: rows.map(({ id }) => id) };
    const moved = await this.#asUser(queue, items, () => service.outboxProduces.produce(items, move));
    return moved === undefined ? NOTHING : this.#moved(queue, rows, moved.oldestMs);
  }

  #storagesOf(token: string): Promise<ReadonlySet<string>> {
    if (this.#near?.token !== token) this.#near = { token, storages: this.#findStorages(token) };
    return this.#near.storages;
  }

  /** A storage that cannot be asked is taken for another database, which is always right. */
  async #findStorages(token: string): Promise<ReadonlySet<string>> {
    const { outbox, storages } = this.#deps;
    const found = storages.map(async (storage) => {
      const isNear = await storage.hasOutbox?.({ schema: outbox.schema, token }).catch(() => false);
      return isNear === true ? [storage.name] : [];
    });
    return new Set((await Promise.all(found)).flat());
  }

  async #send(
    batch: OutboxBatch,
    rows: readonly OutboxRow[],
    token: string,
    signal: AbortSignal,
  ): Promise<TurnResult> {
    const { queue } = batch;
    const rowId = batch.ids[0] as string;
    if (batch.isOld) return this.#fail(queue, rowId, tooOld(batch), { token });
    try {
      await this.#produce(
        batch,
        rows.map(({ item }) => item),
        signal,
      );
    } catch (error) {
      // The server stops: another relay goes on with the batch.
      if (signal.aborted) return NOTHING;
      const endedBatch = batch.isOwn && isCertain(error) ? batch.dedupKey : undefined;
      return this.#refused(queue, rows, error, { token, endedBatch });
    }
    return this.#moved(queue, rows, await this.#deps.outbox.endBatch(batch));
  }

  #moved(queue: string, rows: readonly OutboxRow[], delayMs: number): TurnResult {
    const limit = this.#rowLimits.get(queue);
    if (limit !== undefined) this.#narrow(queue, limit * GROWTH);
    return { did: 'move', rows: rows.length, delayMs, isFull: rows.length >= (limit ?? MOST_ROWS) };
  }

  #refused(
    queue: string,
    rows: readonly OutboxRow[],
    error: unknown,
    how: { readonly token: string; readonly endedBatch?: string | undefined },
  ): Promise<TurnResult> {
    if (isOfContent(error) && rows.length > 1) this.#narrow(queue, 1);
    return this.#fail(queue, rows[0]?.id as string, error, how);
  }

  async #produce(
    { queue, dedupKey }: OutboxBatch,
    items: readonly NewItem[],
    signal: AbortSignal,
  ): Promise<void> {
    const call = { queueName: queue, requestTimeout: PRODUCE_TIMEOUT, items, dedupKey, itemKeys: [] };
    await this.#asUser(queue, items, () =>
      this.#deps.service.keyedProduces.produce({ ...call, dedupWindow: DEDUP_WINDOW }, { signal }),
    );
  }

  /** Produces items if the user of the outbox may. */
  async #asUser<T>(queue: string, items: readonly NewItem[], produce: () => Promise<T>): Promise<T> {
    const bytes = items.reduce((sum, item) => sum + newItemBytes(item), 0);
    const end = await this.#deps.user.beginProduce(queue, { items: items.length, bytes });
    try {
      const produced = await produce();
      end(undefined, {});
      return produced;
    } catch (error) {
      end(error);
      throw error;
    }
  }

  async #fail(
    queue: string,
    rowId: string,
    error: unknown,
    { token, endedBatch }: { readonly token: string; readonly endedBatch?: string | undefined },
  ): Promise<TurnResult> {
    const fault: OutboxFault = { queue, rowId, ...reasonOf(error), endedBatch };
    await this.#deps.outbox.fail(fault, token);
    return { did: 'fail', fault };
  }

  #narrow(queue: string, limit: number): void {
    if (limit >= MOST_ROWS) this.#rowLimits.delete(queue);
    else if (this.#rowLimits.has(queue) || this.#rowLimits.size < MOST_NARROW)
      this.#rowLimits.set(queue, limit);
  }
}

/** What is wrong with a row by itself. Who writes rows without `enqueue` may have skipped its checks. */
function faultOf(queue: string, { item, fault }: OutboxRow): QueueError | undefined {
  try {
    if (fault !== undefined) throw new QueueError('invalid', fault);
    checkQueueName(queue);
    if (item.metadata !== undefined) checkMetadata(item.metadata);
    return undefined;
  } catch (error) {
    if (error instanceof QueueError) return error;
    throw error;
  }
}

/** @throws whatever is no failure of a storage or of a request. */
function reasonOf(error: unknown): Pick<OutboxFault, 'code' | 'reason' | 'retryAfterMs'> {
  if (error instanceof QueueError) {
    const { reason, code, message, retryAfterMs = 0 } = error;
    return { code: reason ?? code, reason: message, retryAfterMs };
  }
  if (error instanceof StorageError) return { code: 'unavailable', reason: error.message, retryAfterMs: 0 };
  throw error;
}

/** Whether nothing was stored. */
function isCertain(error: unknown): boolean {
  return error instanceof QueueError && error.reason !== 'outcome_unknown' && error.code !== 'internal';
}

/** Whether an item was refused for what it contains, such as a character that the storage cannot hold. */
function isOfContent(error: unknown): boolean {
  return error instanceof QueueError && error.code === 'invalid' && error.reason === undefined;
}

function tooOld({ ids }: OutboxBatch): QueueError {
  const text = `${ids.length} rows were sent more than 23 hours ago, and may be in the queue: look for them, then drop or retry`;
  return new QueueError('retry', text, { reason: 'outcome_unknown' });
}
