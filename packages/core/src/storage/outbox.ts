import type { NewItem } from '../item/item.ts';
import type { Duration } from '../time/duration.ts';
import type { Outcome } from './outcome.ts';
import type { ProduceResult } from './partition-calls.ts';

/** Identifies a relay for as long as it holds an outbox without a break. */
export interface RelayName {
  /** Random, and new whenever the relay begins to hold the outbox. */
  readonly token: string;
  /** The name of its server, for operators. */
  readonly server: string;
}

/** A queue with rows in an outbox. */
export interface OutboxQueue {
  readonly queue: string;
  /** Whether a batch was begun and has not ended. */
  readonly hasBatch: boolean;
  /** Whether its first row could not go when it was tried last. */
  readonly hasFault: boolean;
  /** Whether it may be tried now. If not, its first row waits for its next try. */
  readonly mayGo: boolean;
}

/** Bounds of one read of rows. */
export interface RowLimits {
  /** The most rows; at least 1. */
  readonly rows: number;
  /** The row at which the contents reach this many bytes is the last one. */
  readonly bytes: number;
}

/** A row of an outbox: an item on its way to a queue. */
export interface OutboxRow {
  readonly id: string;
  readonly item: NewItem;
  /** What is wrong with the row. Undefined: the store found nothing. */
  readonly fault?: string | undefined;
}

/** The first rows of a queue. */
export interface OutboxRows {
  /** In order of their ids. */
  readonly rows: readonly OutboxRow[];
  /** A number that every removal by an operator changes. */
  readonly drops: number;
}

/**
 * Rows that are sent to a queue in another database under one dedup key. It is stored
 * before the rows are sent, so that every repeat sends the same rows.
 */
export interface OutboxBatch {
  readonly queue: string;
  readonly dedupKey: string;
  /** The ids of its rows. */
  readonly ids: readonly string[];
  /** Whether this relay made it, or has held the outbox for so long that no earlier one can still be sending it. */
  readonly isOwn: boolean;
  /** Whether it was begun so long ago that its dedup key may have ended. */
  readonly isOld: boolean;
}

/** Why the first row of a queue cannot go. */
export interface OutboxFault {
  readonly queue: string;
  /** The row that was refused, or the first of several. */
  readonly rowId: string;
  /** A stable word: an `ErrorReason`, or an `ErrorCode`. */
  readonly code: string;
  /** For operators. */
  readonly reason: string;
  /** The shortest time until the next try, in milliseconds. It grows with each try. */
  readonly retryAfterMs: number;
  /** Its batch was certainly not stored, and ends. Undefined: no batch, or one that may have been stored. */
  readonly endedBatch?: string | undefined;
}

/** An outbox, and the relay that holds it. */
export interface HeldOutbox {
  readonly schema: string;
  readonly token: string;
}

/** Rows that become items. */
export interface OutboxMove {
  readonly outbox: HeldOutbox;
  readonly queue: string;
  readonly ids: readonly string[];
}

/** What became of rows. */
export interface MovedRows extends ProduceResult {
  /** Age of the oldest row in milliseconds, by the database's clock. */
  readonly oldestMs: number;
}

/**
 * Produces the items of rows in an outbox that is in the same database, and removes the
 * rows and the fault of their queue: all of it in one transaction, or nothing.
 *
 * @param items those of the rows, in order. They are stored as `produce` stores them.
 * @returns undefined if a row is not there any more, the queue has a batch, or the relay
 *   does not hold the outbox any more. Nothing has changed then.
 */
export type ProduceFromOutbox = (
  items: readonly NewItem[],
  move: OutboxMove,
  expireTimeout: Duration,
) => Promise<Outcome<MovedRows> | undefined>;

/** A queue of an outbox, for operators. */
export interface ListedOutboxQueue {
  readonly queue: string;
  /** At most {@link MOST_COUNTED_ROWS}. */
  readonly rows: number;
  /** Age of the oldest row in milliseconds, by the database's clock. */
  readonly oldestMs: number;
  /** Undefined: its rows are on their way. */
  readonly fault?:
    | (Pick<OutboxFault, 'rowId' | 'code' | 'reason'> & {
        readonly tries: number;
        readonly retryInMs: number;
      })
    | undefined;
}

/** Rows are counted up to this many. */
export const MOST_COUNTED_ROWS = 10_000;

/** How often the holder of an outbox has to call `hold` again, in milliseconds: at least this often. */
export const OUTBOX_RENEW_MS = 200;
/** After how many milliseconds without `hold` another relay may hold the outbox. */
export const OUTBOX_HOLD_MS = 600;

/** The rows in an application's database, as the relay that moves them sees it. All methods throw StorageError. */
export interface Outbox {
  /** Names the database and the schema for logs and metrics, without any password. */
  readonly name: string;
  /** The schema of the outbox. */
  readonly schema: string;

  /** Begins to hold the outbox, or goes on. @returns whether this relay holds it. Only one does. */
  hold(relay: RelayName): Promise<boolean>;
  /** Lets another relay hold the outbox at once. */
  release(token: string): Promise<void>;

  /** The queues with rows, in order of their names. @param after only queues with greater names. */
  queues(after: string, limit: number): Promise<readonly OutboxQueue[]>;
  /** The first rows of a queue that are visible now. */
  rows(queue: string, limits: RowLimits): Promise<OutboxRows>;

  /** The batch of a queue that was begun and has not ended, with its rows. */
  batch(queue: string, token: string): Promise<(OutboxBatch & Pick<OutboxRows, 'rows'>) | undefined>;
  /**
   * Begins a batch of rows that were read just before.
   *
   * @returns undefined if the relay does not hold the outbox any more, a batch of the
   *   queue was begun, or an operator has removed rows since.
   */
  beginBatch(
    queue: string,
    batch: { readonly ids: readonly string[]; readonly drops: number; readonly token: string },
  ): Promise<OutboxBatch | undefined>;
  /** Removes a batch that is stored, with its rows and the fault of its queue. @returns the age of its oldest row, in milliseconds. */
  endBatch(batch: Pick<OutboxBatch, 'queue' | 'dedupKey' | 'ids'>): Promise<number>;
  /** Marks the first row of a queue, unless the relay does not hold the outbox any more. @returns how often it was tried since the queue last moved. */
  fail(fault: OutboxFault, token: string): Promise<number>;

  /** For operators: the queues with rows, at most 1,000 after a name. */
  list(after: string): Promise<readonly ListedOutboxQueue[]>;
  /** For operators: tries a queue again now, also a batch that may be stored already. @returns whether it had a fault. */
  retry(queue: string): Promise<boolean>;
  /**
   * For operators: removes rows of a queue that are not in a batch.
   *
   * @param id of one row. Undefined: all.
   * @returns how many, and how many stay because they are being sent.
   */
  drop(
    queue: string,
    id: string | undefined,
  ): Promise<{ readonly dropped: number; readonly inBatch: number }>;

  /** Waits for running calls, then closes connections. A second close has no effect. */
  close(): Promise<void>;
}
