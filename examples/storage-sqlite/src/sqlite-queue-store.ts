import {
  type Clock,
  type Instant,
  invalid,
  type NewQueue,
  type Queue,
  type QueueListRequest,
  type QueueStamp,
  type QueueStore,
} from '@querator/core';
import type { Connection } from './connection.ts';
import type { Database } from './database.ts';
import { type QueueRow, queueOf, rowOf } from './queue-row.ts';

/** The settings of all queues of a file. */
export class SqliteQueueStore implements QueueStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  create(queue: NewQueue): Promise<Queue> {
    return this.#database.transaction((connection) => {
      const now = this.#clock.now();
      const row = connection.get<QueueRow>(
        `insert into queues values (:name, :namespace, :lease_timeout, :expire_timeout, :dead_queue, :max_attempts,
           :reference, :requested_partitions, :partitions, :created_at, :updated_at)
         on conflict (name) do nothing returning *`,
        { ...rowOf({ ...queue, createdAt: now, updatedAt: now }) },
      );
      if (row === undefined) throw invalid(`invalid queue; '${queue.name}' already exists`);
      return queueOf(row);
    });
  }

  get(name: string): Promise<Queue | undefined> {
    return this.#database.read((connection) => find(connection, name));
  }

  stamps(names: readonly string[]): Promise<ReadonlyMap<string, QueueStamp>> {
    return this.#database.read((connection) => {
      const found = names.map((name) => find(connection, name)).filter((queue) => queue !== undefined);
      return new Map(found.map(({ name, createdAt, updatedAt }) => [name, { createdAt, updatedAt }]));
    });
  }

  list(request: QueueListRequest): Promise<readonly Queue[]> {
    return this.#database.read((connection) =>
      connection
        .all<QueueRow>(
          `select * from queues where namespace = :namespace and name >= :pivot order by name limit :limit`,
          { ...request },
        )
        .map(queueOf),
    );
  }

  update(name: string, change: (stored: Queue) => NewQueue): Promise<Queue | undefined> {
    return this.#database.transaction((connection) => {
      const stored = find(connection, name);
      if (stored === undefined) return undefined;
      const { namespace, partitions, createdAt } = stored;
      const updatedAt = this.#clock.now();
      const changed = rowOf({ ...change(stored), name, namespace, partitions, createdAt, updatedAt });
      connection.run(
        `replace into queues values (:name, :namespace, :lease_timeout, :expire_timeout, :dead_queue, :max_attempts,
           :reference, :requested_partitions, :partitions, :created_at, :updated_at)`,
        { ...changed },
      );
      return queueOf(changed);
    });
  }

  delete(name: string, createdAt?: Instant): Promise<boolean> {
    return this.#database.transaction((connection) => {
      if (createdAt !== undefined && find(connection, name)?.createdAt !== createdAt) return false;
      return connection.run('delete from queues where name = :name', { name }) > 0;
    });
  }

  findByDeadQueue(name: string): Promise<string | undefined> {
    return this.#database.read(
      (connection) =>
        connection.get<Pick<QueueRow, 'name'>>(
          'select name from queues where dead_queue = :name order by name limit 1',
          { name },
        )?.name,
    );
  }
}

function find(connection: Connection, name: string): Queue | undefined {
  const row = connection.get<QueueRow>('select * from queues where name = :name', { name });
  return row && queueOf(row);
}
