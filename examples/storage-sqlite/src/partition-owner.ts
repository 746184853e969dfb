import { type Instant, type PartitionOwner, StorageError } from '@querator/core';
import type { Connection } from './connection.ts';
import type { Database } from './database.ts';

/** The queue that a partition belongs to, as this process knows it and as the file says. */
export class Ownership {
  readonly #database: Database;
  readonly #partition: string;
  readonly #owner: PartitionOwner;

  constructor(database: Database, partition: string, owner: PartitionOwner) {
    this.#database = database;
    this.#partition = partition;
    this.#owner = owner;
  }

  /** Whether the file says so. Called in the transaction that relies on it. */
  isOwn(connection: Connection): boolean {
    return this.#holder(connection) === this.#owner.createdAt;
  }

  /**
   * Makes the partition that of this queue.
   *
   * @throws StorageError if the queue no longer exists, or an earlier one has left items.
   */
  async claim(): Promise<void> {
    const holder = await this.#database.read((connection) => this.#holder(connection));
    const isFree = holder === undefined || (await this.#owner.wasDeleted(holder));
    await this.#database.transaction((connection) => {
      // Another process may have claimed it meanwhile. The next attempt looks again.
      if (this.#holder(connection) !== holder) return;
      if (!isFree && this.#hasItems(connection)) {
        throw this.#refused('has items of an earlier queue of the same name');
      }
      if (holder !== undefined) this.#run(connection, 'delete from items where partition = :partition');
      connection.run('insert or replace into owners values (:partition, :createdAt)', {
        ...{ partition: this.#partition, createdAt: this.#owner.createdAt },
      });
    });
    if (await this.#owner.isThere()) return;
    await this.#database.transaction((connection) => {
      if (this.isOwn(connection)) this.release(connection);
    });
    throw this.#refused('belongs to a queue that no longer exists');
  }

  /** Forgets the queue of the partition. */
  release(connection: Connection): void {
    this.#run(connection, 'delete from owners where partition = :partition');
  }

  #holder(connection: Connection): Instant | undefined {
    const partition = this.#partition;
    const sql = 'select created_at from owners where partition = :partition';
    return connection.get<{ created_at: Instant }>(sql, { partition })?.created_at;
  }

  #hasItems(connection: Connection): boolean {
    const sql = 'select 1 from items where partition = :partition limit 1';
    return connection.get(sql, { partition: this.#partition }) !== undefined;
  }

  #run(connection: Connection, sql: string): void {
    connection.run(sql, { partition: this.#partition });
  }

  #refused(reason: string): StorageError {
    return new StorageError(`partition '${this.#partition}' ${reason}`, { outcome: 'not-applied' });
  }
}
