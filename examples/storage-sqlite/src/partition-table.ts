import {
  addDuration,
  type Duration,
  formatItemId,
  type ImportedItem,
  type Instant,
  ITEM_ID_RANDOM_LENGTH,
  type ItemId,
  PAYLOAD_BUDGET,
  type Random,
} from '@querator/core';
import type { Bindings, Connection } from './connection.ts';
import { type ItemRow, type ItemState, rowOf } from './item-row.ts';

/** Limits of a read: at most `limit` rows, and at most `maxBytes` of content after the first `atLeast` rows. */
interface PageSize {
  readonly limit: number;
  readonly atLeast: number;
  readonly maxBytes: number | undefined;
}

/** The items of one partition, within one transaction. Each method is one or two statements, without rules. */
export class PartitionTable {
  readonly #connection: Connection;
  readonly #partition: string;
  readonly #random: Random;

  constructor(connection: Connection, partition: string, random: Random) {
    this.#connection = connection;
    this.#partition = partition;
    this.#random = random;
  }

  /** @returns the stored row, or undefined if the partition already has the source id. */
  add(
    item: ImportedItem,
    now: Instant,
    expireTimeout: Duration,
    leasedAs: 'leased' | 'prepared' = 'leased',
  ): ItemRow | undefined {
    const expireDeadline = item.expireDeadline ?? addDuration(now, expireTimeout);
    const row = rowOf(item, this.#newId(), { now, expireDeadline, leasedAs });
    const [added] = this.#all(
      `insert into items values (:partition, :id, :source_id, :state, :due_at, :idle_lease_deadline, :attempts, :max_attempts,
         :created_at, :expire_deadline, :encoding, :kind, :reference, :payload)
       on conflict (partition, source_id) do nothing returning *`,
      { ...row },
    );
    return added;
  }

  /** The first rows of a state in order of their ids, from `pivot` on: at least two, then up to `maxBytes`. */
  page(states: readonly ItemState[], pivot: string, limit: number, maxBytes: number | undefined): ItemRow[] {
    return this.#firstOf(
      'id >= :pivot and state in (select value from json_each(:states))',
      { limit, atLeast: 2, maxBytes },
      { pivot, states: JSON.stringify(states) },
    );
  }

  /** The first waiting rows, for `lease`. Uses an index, so other rows before them cost nothing. */
  waiting(limit: number): ItemRow[] {
    return this.#firstOf("state = 'waiting'", { limit, atLeast: 1, maxBytes: PAYLOAD_BUDGET });
  }

  /** Rows of one state whose deadline has passed, the earliest first. */
  due(state: ItemState, now: Instant, limit: number): ItemRow[] {
    return this.#all(
      `select * from items where partition = :partition and state = :state and due_at < :now
       order by due_at, id limit :limit`,
      { state, now, limit },
    );
  }

  /** The earliest deadline, or undefined in an empty partition. */
  nextDeadline(): bigint | undefined {
    const [first] = this.#all<{ due_at: bigint }>(
      'select due_at from items where partition = :partition order by due_at limit 1',
    );
    return first?.due_at;
  }

  find(id: ItemId): Pick<ItemRow, 'id' | 'state' | 'attempts'> | undefined {
    return this.#all('select id, state, attempts from items where partition = :partition and id = :id', {
      id,
    })[0];
  }

  /** The ids of prepared letters, in their order. */
  prepared(sourceIds: readonly ItemId[]): ItemId[] {
    const rows = this.#all<Pick<ItemRow, 'id'>>(
      `select id from items where partition = :partition and state = 'prepared'
         and source_id in (select value from json_each(:sourceIds))
       order by id`,
      { sourceIds: JSON.stringify(sourceIds) },
    );
    return rows.map(({ id }) => id);
  }

  lease(id: ItemId, attempts: number, until: Instant): void {
    this.#run(
      `update items set state = 'leased', due_at = :until, attempts = :attempts, idle_lease_deadline = null
       where partition = :partition and id = :id`,
      { id, attempts, until },
    );
  }

  /** Undoes a lease. @returns whether the item was leased. */
  release(id: ItemId): boolean {
    const released = this.#run(
      `update items set state = 'waiting', due_at = expire_deadline, attempts = max(0, attempts - 1)
       where partition = :partition and id = :id and state = 'leased'`,
      { id },
    );
    return released > 0;
  }

  /** Moves an item to the tail by giving it a new id. */
  requeue(id: ItemId): void {
    this.#run(
      `update items set id = :newId, state = 'waiting', due_at = expire_deadline, idle_lease_deadline = null
       where partition = :partition and id = :id`,
      { id, newId: this.#newId() },
    );
  }

  /** Makes an item unavailable under the same id: leased or scheduled until a time, or moving and claimed until then. */
  setAside(id: ItemId, state: 'leased' | 'scheduled' | 'moving' | 'moved', dueAt: bigint): void {
    this.#run('update items set state = :state, due_at = :dueAt where partition = :partition and id = :id', {
      id,
      state,
      dueAt,
    });
  }

  /** Marks a moving item and keeps its claim. @returns whether the item was not marked yet. */
  markMoved(id: ItemId): boolean {
    const marked = this.#run(
      `update items set state = 'moved' where partition = :partition and id = :id and state = 'moving'`,
      { id },
    );
    return marked > 0;
  }

  /** @returns whether the item existed. */
  remove(id: ItemId): boolean {
    return this.#run('delete from items where partition = :partition and id = :id', { id }) > 0;
  }

  /** Removes all items in these states. @returns their number. */
  clear(states: readonly ItemState[]): number {
    return this.#run(
      'delete from items where partition = :partition and state in (select value from json_each(:states))',
      { states: JSON.stringify(states) },
    );
  }

  /** The transaction has the write lock, so no other process takes the same number. */
  #newId(): ItemId {
    const row = this.#connection.get<{ sequence: bigint }>(
      'update last_id set sequence = sequence + 1 returning sequence',
      {},
    );
    return formatItemId(row?.sequence ?? 0n, this.#random.base62(ITEM_ID_RANDOM_LENGTH));
  }

  /**
   * SQLite stores the lengths of contents separately, so it does not read the
   * contents that `maxBytes` excludes. `cross join` makes it look up the rows of
   * the page one by one. Without it SQLite may read all pages for each item.
   */
  #firstOf(condition: string, size: PageSize, bindings: Bindings = {}): ItemRow[] {
    const { limit, atLeast, maxBytes = null } = size;
    return this.#all(
      `with first as (
         select id, length(payload) + octet_length(reference) + octet_length(encoding) + octet_length(kind) as bytes
         from items where partition = :partition and ${condition} order by id limit :limit),
       counted as (
         select id, row_number() over (order by id) as position, sum(bytes) over (order by id) - bytes as before
         from first)
       select items.* from counted cross join items on items.partition = :partition and items.id = counted.id
       where position <= :atLeast or :maxBytes is null or before < :maxBytes order by items.id`,
      { ...bindings, limit, atLeast, maxBytes },
    );
  }

  #all<Row = ItemRow>(sql: string, bindings: Bindings = {}): Row[] {
    return this.#connection.all<Row>(sql, { partition: this.#partition, ...bindings });
  }

  #run(sql: string, bindings: Bindings): number {
    return this.#connection.run(sql, { partition: this.#partition, ...bindings });
  }
}
