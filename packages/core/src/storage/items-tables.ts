import type { Instant } from '../time/instant.ts';

/** How a table relates to the existing queues. */
export type TableState =
  /** It belongs to an existing queue. */
  | 'in-use'
  /** It belongs to an earlier queue of that name. */
  | 'earlier-queue'
  /** It belongs to a later queue of that name than the existing one, as after a restore. */
  | 'later-queue'
  /** It belongs to a queue that does not exist. */
  | 'no-queue'
  /** It names no owner. */
  | 'unnamed'
  /** Another program has created or filled it, or code of another role would run if it were read. */
  | 'foreign';

/** A table in the result of `ItemsTables.list`. */
export interface ListedTable {
  readonly table: string;
  readonly state: TableState;
  /** The queue that the table names as its owner. */
  readonly queue: string | undefined;
  readonly partition: number;
  /** When that queue was created. */
  readonly createdAt: Instant | undefined;
  /** The number of items, or of dedup keys. A driver may stop counting. 0 if it must not be read. */
  readonly items: number;
  /** Whether it may hold more. */
  readonly more: boolean;
}

/** The result of `ItemsTables.adopt`. */
export interface Adopted {
  readonly queue: string;
  readonly partition: number;
  /** The number of items in the table. */
  readonly items: number;
  /** How many of them got new ids because theirs were of another program. */
  readonly renumbered: number;
  /** Whether the table belonged to the queue before. */
  readonly wasOwn: boolean;
}

/** The result of `ItemsTables.drop`. */
export interface Dropped {
  /** The queue that the table named as its owner. */
  readonly queue: string | undefined;
  /** The number of items in the table, or of dedup keys. */
  readonly items: number;
}

/**
 * The items tables of a storage for operators, whether a queue uses them or not. For
 * storages that keep the items of a partition in a table of its own.
 */
export interface ItemsTables {
  /** Lists the tables that no queue uses, or all. */
  list(options: { readonly all: boolean }): Promise<readonly ListedTable[]>;

  /**
   * Makes a table belong to an existing queue, with all its items.
   *
   * @param options `queue`: undefined for the queue that the table names.
   * @throws StorageError if that is not allowed, or storage fails.
   */
  adopt(table: string, options: { readonly queue?: string | undefined }): Promise<Adopted>;

  /**
   * Drops a table that no queue uses, with all its items.
   *
   * @param options `force`: even if the table has items, or names no queue.
   * @throws StorageError if that is not allowed, or storage fails.
   */
  drop(table: string, options: { readonly force: boolean }): Promise<Dropped>;

  /** Closes the connections. */
  close(): Promise<void>;
}
