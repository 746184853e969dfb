import { type Instant, instantFromMicroseconds, type PartitionKey } from '@querator/core';
import { OtherOwnerError, UnmadePartitionError } from '../messages/failed-call.ts';
import type { Connection } from './connection.ts';

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

interface PartitionRow {
  readonly id: bigint;
  readonly created_at: bigint | null;
  /** Another number after each removal of the empty partition; 0: it is there. */
  readonly emptied: bigint;
}

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
   * The number of a partition; undefined if it was never used.
   *
   * @throws OtherOwnerError
   */
  find(key: OwnedKey): bigint | undefined {
    const row = this.#row(key);
    if (row === undefined || isOwn(row, key)) return row?.id;
    if (this.#isEmpty(row)) return undefined;
    throw new OtherOwnerError(instantFromMicroseconds(row.created_at ?? 0n));
  }

  /**
   * The number of a partition, which exists from then on. An empty one of an earlier
   * queue is replaced.
   *
   * @throws OtherOwnerError if it has items.
   * @throws UnmadePartitionError if it has to be made, and the key does not allow that.
   */
  use(key: OwnedKey): bigint {
    const found = this.find(key);
    const known = this.#known.get(nameOf(key));
    if (found === undefined || known === undefined) {
      checkMayMake(key, NEVER_MADE);
      this.drop(key.queue, key.partition);
      return this.#put(key, key.createdAt ?? null, 0n);
    }
    if (known.emptied !== 0n) checkMayMake(key, known.emptied);
    const createdAt = key.createdAt ?? known.created_at;
    if (known.emptied === 0n && known.created_at === createdAt) return found;
    return this.#put(key, createdAt, 0n);
  }

  /**
   * Removes a partition that holds no item. Its dedup keys stay.
   *
   * @param state another one at each call, and not 0.
   * @returns whether it holds none. Items of another queue do not count.
   */
  dropEmpty(key: OwnedKey, state: bigint): boolean {
    const row = this.#row(key);
    if (row !== undefined && !this.#isEmpty(row)) return !isOwn(row, key);
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
    this.#connection.run('insert into dropped_partitions values (?)', row.id);
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
      'select id, created_at, emptied from partitions where queue = ? and number = ?',
      ...[key.queue, key.partition],
    );
    if (row !== undefined) this.#known.set(name, row);
    return row;
  }

  #put(key: OwnedKey, createdAt: bigint | null, emptied: bigint): bigint {
    const row = this.#connection.get<PartitionRow>(
      `insert into partitions (queue, number, created_at, emptied) values (?, ?, ?, ?)
       on conflict (queue, number) do update set created_at = excluded.created_at, emptied = excluded.emptied
       returning id, created_at, emptied`,
      ...[key.queue, key.partition, createdAt, emptied],
    ) as PartitionRow;
    this.#known.set(nameOf(key), row);
    return row.id;
  }

  #isEmpty({ id }: Pick<PartitionRow, 'id'>): boolean {
    return this.#connection.get('select 1 from items where partition = ? limit 1', id) === undefined;
  }
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
