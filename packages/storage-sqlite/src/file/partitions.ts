import {
  type GateState,
  type Instant,
  instantFromMicroseconds,
  type PartitionKey,
  StorageError,
} from '@querator/core';
import { OtherOwnerError, UnmadePartitionError } from '../messages/failed-call.ts';
import { unwatchChanges } from './changes.ts';
import type { Connection } from './connection.ts';
import { freeRange } from './ranges.ts';

/** Names a partition, and the queue that it belongs to. */
export interface OwnedKey extends PartitionKey {
  /** When the queue was created. Undefined: whatever is stored belongs to it. */
  readonly createdAt?: Instant | undefined;
  /**
   * The queue is there, and the partition may be made if it is in this state. Undefined: a
   * partition with an owner must be there already.
   */
  readonly mayMake?: bigint | undefined;
}

/** The state of a partition that was never made. */
const NEVER_MADE = 0n;

/** Where the rows of a partition are. */
export interface PartitionPlace {
  /** The number by which rows name the partition. */
  readonly id: bigint;
  /**
   * The keys of its rows: the number of an id, in this range. 0 is that of all partitions that were made
   * here. One that came from another storage has a range of its own: its ids have numbers that others have.
   */
  readonly range: bigint;
}

/** What a partition lets through while it moves to another storage, or after that. */
export interface Gate {
  readonly state: GateState;
  readonly task: string;
  readonly generation: number;
  /** Another number each time a move begins. */
  readonly begun: bigint;
}

/** A partition with its gate. */
export interface GatedPartition extends PartitionPlace {
  /** Undefined: it does not move. */
  readonly gate: Gate | undefined;
}

interface PartitionRow extends PartitionPlace {
  readonly created_at: bigint | null;
  /** Another number after each removal of the empty partition; 0: it is there. */
  readonly emptied: bigint;
  /** The state of the gate. The next columns are null without one. */
  readonly gate: GateState | null;
  readonly task: string | null;
  readonly generation: bigint | null;
  readonly begun: bigint | null;
  readonly key_spread: bigint;
}

const COLUMNS = 'id, range, created_at, emptied, gate, task, generation, begun, key_spread';

/** The partitions of a file, which items name by a number. */
export class Partitions {
  readonly #connection: Connection;
  readonly #known = new Map<string, PartitionRow>();
  // An earlier process may have left some.
  #hasDropped = true;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * A partition to read from; undefined if it was never used.
   *
   * @throws OtherOwnerError
   */
  find(key: OwnedKey): PartitionPlace | undefined {
    return this.#find(key);
  }

  /**
   * A partition to write; undefined if it was never used.
   *
   * @param adds whether items are added, which a leaving partition refuses.
   * @throws OtherOwnerError
   * @throws StorageError `closed` if its gate is.
   */
  findOpen(key: OwnedKey, adds = false): PartitionPlace | undefined {
    const row = this.#find(key);
    if (row !== undefined) checkOpen(row, adds);
    return row;
  }

  /**
   * A partition to write, which exists from then on. An empty one of an earlier queue is replaced.
   *
   * @param adds as for `findOpen`.
   * @throws OtherOwnerError if it has items.
   * @throws UnmadePartitionError if it has to be made, and the key does not allow that.
   * @throws StorageError `closed` if its gate is.
   */
  use(key: OwnedKey, adds = false): PartitionPlace {
    this.findOpen(key, adds);
    return this.make(key);
  }

  /** As `use`, whatever the gate lets through. */
  make(key: OwnedKey): PartitionPlace {
    const found = this.#find(key);
    if (found === undefined) {
      checkMayMake(key, NEVER_MADE);
      this.drop(key.queue, key.partition);
      return this.#put(key, key.createdAt ?? null, 0n);
    }
    if (found.emptied !== 0n) checkMayMake(key, found.emptied);
    const createdAt = key.createdAt ?? found.created_at;
    if (found.emptied === 0n && found.created_at === createdAt) return found;
    return this.#put(key, createdAt, 0n);
  }

  /** The stored partition, if it belongs to the queue. */
  gated(key: OwnedKey): GatedPartition | undefined {
    const row = this.#row(key);
    return row === undefined || !isOwn(row, key) ? undefined : { ...row, gate: gateOf(row) };
  }

  /** Sets the gate of a stored partition, or removes it. */
  setGate(key: PartitionKey, gate: Gate | undefined): void {
    this.#connection.run(
      `update partitions set gate = ?, task = ?, generation = ?, begun = ? where queue = ? and number = ?`,
      ...[gate?.state ?? null, gate?.task ?? null, gate?.generation ?? null, gate?.begun ?? null],
      ...[key.queue, key.partition],
    );
    this.#known.delete(nameOf(key));
  }

  /** The lowest spread of dedup keys that the partition takes. */
  keySpread(key: OwnedKey): number {
    const row = this.#row(key);
    return row === undefined || !isOwn(row, key) ? 0 : Number(row.key_spread);
  }

  /** Sets the lowest spread of dedup keys that a stored partition takes. */
  setKeySpread(key: PartitionKey, keySpread: number): void {
    this.#connection.run(
      'update partitions set key_spread = ? where queue = ? and number = ?',
      ...[keySpread, key.queue, key.partition],
    );
    this.#known.delete(nameOf(key));
  }

  /**
   * Replaces a partition by an empty one with a range of its own, or makes it.
   *
   * @throws OtherOwnerError
   * @throws UnmadePartitionError if the key does not allow to make it.
   */
  replace(key: OwnedKey, gate: Gate): PartitionPlace {
    checkMayMake(key, this.#find(key)?.emptied ?? NEVER_MADE);
    this.drop(key.queue, key.partition);
    const range = freeRange(this.#connection);
    this.#put(key, key.createdAt ?? null, 0n, range);
    this.setGate(key, gate);
    return this.make(key);
  }

  /** Replaces a partition by an empty one with this gate, and a range of its own. */
  putEmpty(key: OwnedKey, gate: Gate): void {
    const { created_at: createdAt = null, key_spread: keySpread = 0n } = this.#row(key) ?? {};
    this.drop(key.queue, key.partition);
    this.#put(key, createdAt, 0n, freeRange(this.#connection));
    this.setGate(key, gate);
    this.setKeySpread(key, Number(keySpread));
  }

  /** Whether a partition holds no item. */
  isEmpty({ id }: Pick<PartitionPlace, 'id'>): boolean {
    return this.#connection.get('select 1 from items where partition = ? limit 1', id) === undefined;
  }

  /**
   * Removes a partition that holds no item. Its dedup keys stay.
   *
   * @param state another one at each call, and not 0.
   * @returns whether it holds none. Items of another queue do not count.
   */
  dropEmpty(key: OwnedKey, state: bigint): boolean {
    const row = this.#row(key);
    if (row !== undefined && !this.isEmpty(row)) return !isOwn(row, key);
    if (row !== undefined && !isOwn(row, key)) this.drop(key.queue, key.partition);
    this.#put(key, key.createdAt ?? row?.created_at ?? null, state);
    return true;
  }

  /**
   * Removes a partition with everything in it. Its rows are removed by and by.
   *
   * @param createdAt only the partition of a queue that was created then. Undefined: any.
   */
  drop(queue: string, partition: number, createdAt?: Instant): void {
    const row = this.#row({ queue, partition });
    if (row === undefined || !isOwn(row, { createdAt })) return;
    if (row.gate === 'copying' || row.gate === 'closed') unwatchChanges(this.#connection, row.id);
    this.#connection.run('insert into dropped_partitions (id, range) values (?, ?)', row.id, row.range);
    this.#connection.run('delete from partitions where id = ?', row.id);
    this.#known.delete(nameOf({ queue, partition }));
    this.#hasDropped = true;
  }

  /** Whether a partition was dropped whose rows may be left. */
  get hasDropped(): boolean {
    return this.#hasDropped;
  }

  /** Removes some rows of dropped partitions, in a transaction of its own. @returns whether there may be more. */
  removeDropped(limit: number): boolean {
    const dropped = this.#connection.get<Pick<PartitionRow, 'id'>>(
      'select id from dropped_partitions limit 1',
    );
    this.#hasDropped = dropped !== undefined;
    if (dropped === undefined) return false;
    this.#connection.exec('begin immediate');
    try {
      const removed =
        this.#connection.run(
          'delete from items where seq in (select seq from items where partition = ? limit ?)',
          ...[dropped.id, limit],
        ) +
        this.#connection.run(
          `delete from keys where partition = ?1
             and key in (select key from keys where partition = ?1 limit ?2)`,
          ...[dropped.id, limit],
        );
      if (removed === 0) this.#connection.run('delete from dropped_partitions where id = ?', dropped.id);
      this.#connection.exec('commit');
    } catch (error) {
      this.#connection.exec('rollback');
      throw error;
    }
    return true;
  }

  /** Forgets what it has read. Call it when changes were rolled back. */
  forget(): void {
    this.#known.clear();
  }

  #row(key: PartitionKey): PartitionRow | undefined {
    const name = nameOf(key);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const row = this.#connection.get<PartitionRow>(
      `select ${COLUMNS} from partitions where queue = ? and number = ?`,
      ...[key.queue, key.partition],
    );
    if (row !== undefined) this.#known.set(name, row);
    return row;
  }

  #find(key: OwnedKey): PartitionRow | undefined {
    const row = this.#row(key);
    if (row === undefined || isOwn(row, key)) return row;
    if (this.isEmpty(row)) return undefined;
    throw new OtherOwnerError(instantFromMicroseconds(row.created_at ?? 0n));
  }

  #put(key: OwnedKey, createdAt: bigint | null, emptied: bigint, range = 0n): PartitionRow {
    const row = this.#connection.get<PartitionRow>(
      `insert into partitions (queue, number, created_at, emptied, range) values (?, ?, ?, ?, ?)
       on conflict (queue, number) do update set created_at = excluded.created_at, emptied = excluded.emptied
       returning ${COLUMNS}`,
      ...[key.queue, key.partition, createdAt, emptied, range],
    ) as PartitionRow;
    this.#known.set(nameOf(key), row);
    return row;
  }
}

function gateOf({ gate: state, task, generation, begun }: PartitionRow): Gate | undefined {
  if (state === null) return undefined;
  return { state, task: task ?? '', generation: Number(generation), begun: begun ?? 0n };
}

/** The states of gates that let all calls through. */
const OPEN: ReadonlySet<GateState | null> = new Set([null, 'copying', 'open']);

function checkOpen({ gate }: PartitionRow, adds: boolean): void {
  if (OPEN.has(gate) || (gate === 'leaving' && !adds)) return;
  const message = 'the partition moves to another storage, or has moved';
  throw new StorageError(message, { outcome: 'not-applied', closed: true });
}

function isOwn(
  { created_at }: Pick<PartitionRow, 'created_at'>,
  { createdAt }: Pick<OwnedKey, 'createdAt'>,
): boolean {
  return created_at === null || createdAt === undefined || created_at === createdAt;
}

/** Without an owner nobody can be asked. @throws UnmadePartitionError */
function checkMayMake({ createdAt, mayMake }: OwnedKey, state: bigint): void {
  if (createdAt !== undefined && mayMake !== state) throw new UnmadePartitionError(state);
}

/** The number comes first: it contains no slash, so each partition has its own text. */
function nameOf({ queue, partition }: PartitionKey): string {
  return `${partition}/${queue}`;
}
