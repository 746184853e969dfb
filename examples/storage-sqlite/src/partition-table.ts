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

/** How many rows to read: at most `limit`, and beyond the first `atLeast` no more than `maxBytes` of content. */
interface PageSize {
  readonly limit: number;
  readonly atLeast: number;
  readonly maxBytes: number | undefined;
}

/** The items of one partition, within one transaction. Each method is a statement or two; the rules are elsewhere. */
export class PartitionTable {
  readonly #connection: Connection;
  readonly #partition: string;
  readonly #random: Random;

  constructor(connection: Connection, partition: string, random: Random) {
    this.#connection = connection;
    this.#partition = partition;
    this.#random = random;
  }

  /** @returns the row as it is stored, or nothing where the partition holds the source id already. */
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

  /** The first rows of a state in order of their ids, from `pivot` on: two, and more up to `maxBytes`. */
  page(states: readonly ItemState[], pivot: string, limit: number, maxBytes: number | undefined): ItemRow[] {
    return this.#firstOf(
      'id >= :pivot and state in (select value from json_each(:states))',
      { limit, atLeast: 2, maxBytes },
      { pivot, states: JSON.stringify(states) },
    );
  }

  /** The first waiting rows, for `lease`: by an index, however many others are before them. */
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

  /** The earliest deadline of all, or nothing in an empty partition. */
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

  /** Undoes a lease. @returns whether there was one. */
  release(id: ItemId): boolean {
    const released = this.#run(
      `update items set state = 'waiting', due_at = expire_deadline, attempts = max(0, attempts - 1)
       where partition = :partition and id = :id and state = 'leased'`,
      { id },
    );
    return released > 0;
  }

  /** Back to the tail, which is nothing but a new id. */
  requeue(id: ItemId): void {
    this.#run(
      `update items set id = :newId, state = 'waiting', due_at = expire_deadline, idle_lease_deadline = null
       where partition = :partition and id = :id`,
      { id, newId: this.#newId() },
    );
  }

  /** Out of the queue under the same id: scheduled for a time, or moving and claimed until then. */
  setAside(id: ItemId, state: 'scheduled' | 'moving' | 'moved', dueAt: bigint): void {
    this.#run('update items set state = :state, due_at = :dueAt where partition = :partition and id = :id', {
      id,
      state,
      dueAt,
    });
  }

  /** Marks a moving item; the claim on it stays. @returns whether there is one that was not marked yet. */
  markMoved(id: ItemId): boolean {
    const marked = this.#run(
      `update items set state = 'moved' where partition = :partition and id = :id and state = 'moving'`,
      { id },
    );
    return marked > 0;
  }

  /** @returns whether the item was there. */
  remove(id: ItemId): boolean {
    return this.#run('delete from items where partition = :partition and id = :id', { id }) > 0;
  }

  /** Removes all items in these states. @returns how many there were. */
  clear(states: readonly ItemState[]): number {
    return this.#run(
      'delete from items where partition = :partition and state in (select value from json_each(:states))',
      { states: JSON.stringify(states) },
    );
  }

  /** The writer's lock is held, so no other process takes the same number. */
  #newId(): ItemId {
    const row = this.#connection.get<{ sequence: bigint }>(
      'update last_id set sequence = sequence + 1 returning sequence',
      {},
    );
    return formatItemId(row?.sequence ?? 0n, this.#random.base62(ITEM_ID_RANDOM_LENGTH));
  }

  /**
   * The contents of the rows that `maxBytes` leaves out are not read: SQLite has
   * their lengths beside them. The rows of the page are looked up one by one:
   * but for `cross join`, SQLite may walk all pages for each of the items.
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
