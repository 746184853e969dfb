import type { Instant, ItemId } from '@querator/core';
import type { Connection } from '../file/connection.ts';
import type { PartitionPlace } from '../file/partitions.ts';
import { GREATEST_NUMBER, idOf, type NewId, type Sequence, seqIn } from '../file/sequence.ts';
import type { Transaction } from '../file/transaction.ts';
import { firstNumberFrom, placeOf } from './item-place.ts';
import { HEAD_COLUMNS, type ItemHead, type NewRow, STATE } from './item-row.ts';
import { type Kept, keptUnderNewId, readKept, writeKept } from './kept.ts';

const INSERT = `insert into items (seq, partition, state, due, tail, attempts, max_attempts, created_at,
  expire_deadline, idle_lease_deadline, source_id, encoding, kind, reference, kept, payload)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** The items of one partition within a transaction. Each method is one statement or two, without rules. */
export class ItemTable {
  readonly partition: bigint;
  readonly connection: Connection;
  readonly #range: bigint;
  readonly #sequence: Sequence;

  constructor(
    { connection, sequence }: Pick<Transaction, 'connection' | 'sequence'>,
    { id, range }: PartitionPlace,
  ) {
    this.connection = connection;
    this.#sequence = sequence;
    this.#range = range;
    this.partition = id;
  }

  /** Adds an item at the tail. @returns its id. */
  append(row: NewRow): ItemId {
    return this.put(this.#sequence.next(), row);
  }

  /** Adds an item with an id that the partition does not have. @returns the id. */
  put(id: NewId, row: NewRow): ItemId {
    const seq = this.#seqOf(id.number);
    this.connection.run(
      INSERT,
      ...[seq, this.partition, row.state, row.due, id.tail, row.attempts, row.maxAttempts],
      ...[row.createdAt, row.expireDeadline, row.idleLeaseDeadline ?? null, row.sourceId ?? null],
      ...[row.encoding, row.kind, row.reference, row.kept === undefined ? null : writeKept(row.kept)],
      row.payload,
    );
    return idOf({ seq, tail: id.tail });
  }

  /** Whether an item of the partition has a number. */
  isTaken(number: bigint): boolean {
    return this.connection.get('select 1 from items where seq = ?', this.#seqOf(number)) !== undefined;
  }

  /** The key of the last row that the partition can have now. */
  get lastSeq(): bigint {
    return this.#seqOf(this.#sequence.last);
  }

  /** The greatest key that a row of the partition can ever have. */
  get endSeq(): bigint {
    return this.#seqOf(GREATEST_NUMBER);
  }

  /** The key of the row that an id may have. Undefined: no item has such an id. */
  seqOf(id: ItemId): bigint | undefined {
    const place = placeOf(id);
    return place && this.#seqOf(place.number);
  }

  /** The least key of a row whose id may be at least `pivot`. Undefined: every id is less. */
  seqFrom(pivot: string): bigint | undefined {
    const number = firstNumberFrom(pivot);
    return number === undefined ? undefined : this.#seqOf(number);
  }

  /** The item with an id, without its content. */
  find(id: ItemId): ItemHead | undefined {
    const place = placeOf(id);
    if (place === undefined) return undefined;
    return this.connection.get<ItemHead>(
      `select ${HEAD_COLUMNS} from items where seq = ? and partition = ? and tail = ?`,
      ...[this.#seqOf(place.number), this.partition, place.tail],
    );
  }

  /** The place and the state of the item with an id. */
  findState(id: ItemId): Pick<ItemHead, 'seq' | 'state'> | undefined {
    const place = placeOf(id);
    if (place === undefined) return undefined;
    return this.connection.get<Pick<ItemHead, 'seq' | 'state'>>(
      'select seq, state from items where seq = ? and partition = ? and tail = ?',
      ...[this.#seqOf(place.number), this.partition, place.tail],
    );
  }

  /** The items with these ids, each once, in the order of ids. */
  findAll(ids: readonly ItemId[]): ItemHead[] {
    return [...new Set(ids)]
      .sort()
      .map((id) => this.find(id))
      .filter((item) => item !== undefined);
  }

  /** The item with a source id. */
  findBySource(sourceId: ItemId): ItemHead | undefined {
    return this.connection.get<ItemHead>(
      `select ${HEAD_COLUMNS} from items where partition = ? and source_id = ?`,
      ...[this.partition, sourceId],
    );
  }

  /** Whether an item waits. */
  get hasWaiting(): boolean {
    const first = 'select 1 from items where partition = ? and state = 0 limit 1';
    return this.connection.get(first, this.partition) !== undefined;
  }

  /** Changes the state of an item and its deadline. It keeps its place. */
  change(seq: bigint, state: bigint, due: bigint): void {
    this.connection.run('update items set state = ?, due = ? where seq = ?', state, due, seq);
  }

  /** As `change`, and what is kept with the item. */
  changeKept(seq: bigint, state: bigint, due: bigint, kept: Kept): void {
    const text = writeKept(kept);
    this.connection.run(
      'update items set state = ?, due = ?, kept = ? where seq = ?',
      ...[state, due, text, seq],
    );
  }

  lease(seq: bigint, attempts: number, until: Instant): void {
    this.connection.run(
      'update items set state = 1, due = ?, attempts = ?, idle_lease_deadline = null where seq = ?',
      ...[until, attempts, seq],
    );
  }

  /** Undoes a lease. */
  release({ seq, expire_deadline: expireDeadline }: ItemHead): void {
    this.connection.run(
      'update items set state = 0, due = ?, attempts = max(attempts - 1, 0) where seq = ?',
      ...[expireDeadline, seq],
    );
  }

  /** Puts an item in any state to the tail, under a new id. It waits, or is scheduled for `enqueueAt`. */
  requeue(item: ItemHead, kept: Kept = readKept(item.kept), enqueueAt?: Instant): void {
    const id = this.#sequence.next();
    const keptText = writeKept(keptUnderNewId(idOf(item), kept));
    this.connection.run(
      `update items set seq = ?, tail = ?, state = ?, due = coalesce(?, expire_deadline),
         idle_lease_deadline = null, kept = ? where seq = ?`,
      ...[this.#seqOf(id.number), id.tail, enqueueAt === undefined ? STATE.waiting : STATE.scheduled],
      ...[enqueueAt ?? null, keptText, item.seq],
    );
  }

  remove({ seq }: Pick<ItemHead, 'seq'>): void {
    this.connection.run('delete from items where seq = ?', seq);
  }

  #seqOf(number: bigint): bigint {
    return seqIn(this.#range, number);
  }
}
