import {
  addDuration,
  type Clock,
  DELETION_RECORD_TIMEOUT,
  type Duration,
  errorText,
  type Instant,
  invalid,
  milliseconds,
  type NewQueue,
  type Queue,
  type QueueListRequest,
  type QueueRelations,
  type QueueStamp,
  type QueueStore,
  toMilliseconds,
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

  create(queue: NewQueue, check: (relations: QueueRelations) => void = () => {}): Promise<Queue> {
    return this.#database.transaction((connection) => {
      const now = this.#clock.now();
      const isNew = find(connection, queue.name) === undefined;
      if (isNew && queue.deadQueue !== '') check(this.#relations(connection, queue.name, queue.deadQueue));
      const row = connection.get<QueueRow>(
        `insert into queues values (:name, :namespace, :lease_timeout, :expire_timeout, :dead_queue, :max_attempts,
           :reference, :requested_partitions, :partitions, :created_at, :updated_at)
         on conflict (name) do nothing returning *`,
        { ...rowOf({ ...queue, createdAt: now, updatedAt: now }) },
      );
      if (row === undefined) throw invalid(errorText`invalid queue; '${queue.name}' already exists`);
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

  list({ namespace, pivot, limit }: QueueListRequest): Promise<readonly Queue[]> {
    return this.#database.read((connection) =>
      connection
        .all<QueueRow>(
          `select * from queues where namespace = coalesce(:namespace, namespace) and name >= :pivot
          order by name limit :limit`,
          { namespace: namespace ?? null, pivot, limit },
        )
        .map(queueOf),
    );
  }

  update(
    name: string,
    change: (stored: Queue, relations: QueueRelations | undefined) => NewQueue,
    deadQueue = '',
  ): Promise<Queue | undefined> {
    return this.#database.transaction((connection) => {
      const stored = find(connection, name);
      if (stored === undefined) return undefined;
      const relations = deadQueue === '' ? undefined : this.#relations(connection, name, deadQueue);
      const { namespace, partitions, createdAt } = stored;
      const updatedAt = this.#clock.now();
      const changed = rowOf({
        ...change(stored, relations),
        name,
        namespace,
        partitions,
        createdAt,
        updatedAt,
      });
      connection.run(
        `replace into queues values (:name, :namespace, :lease_timeout, :expire_timeout, :dead_queue, :max_attempts,
           :reference, :requested_partitions, :partitions, :created_at, :updated_at)`,
        { ...changed },
      );
      return queueOf(changed);
    });
  }

  beginDelete(
    name: string,
    createdAt: Instant,
    { timeout, check }: { readonly timeout: Duration; readonly check: (usedBy: string | undefined) => void },
  ): Promise<boolean> {
    return this.#database.transaction((connection) => {
      if (find(connection, name)?.createdAt !== createdAt) return false;
      check(userOf(connection, name));
      const endsAt = addDuration(this.#clock.now(), timeout);
      connection.run('replace into endings values (:name, :ends_at)', { name, ends_at: endsAt });
      return true;
    });
  }

  delete(name: string, createdAt?: Instant, check?: (usedBy: string | undefined) => void): Promise<boolean> {
    return this.#database.transaction((connection) => {
      const stored = find(connection, name);
      if (stored === undefined || (createdAt !== undefined && stored.createdAt !== createdAt)) return false;
      check?.(userOf(connection, name));
      connection.run('delete from endings where name = :name', { name });
      connection.run('replace into deleted_queues values (:name, :createdAt, null)', {
        ...{ name, createdAt: stored.createdAt },
      });
      return connection.run('delete from queues where name = :name', { name }) > 0;
    });
  }

  async wasDeleted(name: string, createdAt: Instant): Promise<boolean> {
    const note = await this.#database.read((connection) =>
      connection.get('select 1 from deleted_queues where name = :name and created_at = :createdAt', {
        ...{ name, createdAt },
      }),
    );
    return note !== undefined;
  }

  forgetDeletion(name: string, createdAt: Instant): Promise<void> {
    return this.#database.transaction((connection) => {
      const now = this.#clock.now();
      const lastKept = addDuration(now, milliseconds(-toMilliseconds(DELETION_RECORD_TIMEOUT)));
      connection.run('delete from deleted_queues where done_at < :lastKept', { lastKept });
      connection.run(
        'update deleted_queues set done_at = :now where name = :name and created_at = :createdAt',
        { name, createdAt, now },
      );
    });
  }

  partitionCounts(): Promise<ReadonlyMap<string, number>> {
    return this.#database.read((connection) => {
      const rows = connection.all<{ name: string; partitions: bigint }>(
        `select placed.value ->> 'storageName' as name, count(*) as partitions
         from queues, json_each(queues.partitions) as placed group by 1`,
        {},
      );
      return new Map(rows.map(({ name, partitions }) => [name, Number(partitions)]));
    });
  }

  findByDeadQueue(name: string): Promise<string | undefined> {
    return this.#database.read((connection) => userOf(connection, name));
  }

  /** The transaction has the only write lock, so this state does not change before it ends. */
  #relations(connection: Connection, name: string, deadQueue: string): QueueRelations {
    const ending = connection.get('select 1 from endings where name = :name and ends_at > :now', {
      ...{ name: deadQueue, now: this.#clock.now() },
    });
    return {
      deadQueue: find(connection, deadQueue),
      deadQueueEnds: ending !== undefined,
      usedBy: userOf(connection, name),
    };
  }
}

function userOf(connection: Connection, name: string): string | undefined {
  return connection.get<Pick<QueueRow, 'name'>>(
    'select name from queues where dead_queue = :name order by name limit 1',
    { name },
  )?.name;
}

function find(connection: Connection, name: string): Queue | undefined {
  const row = connection.get<QueueRow>('select * from queues where name = :name', { name });
  return row && queueOf(row);
}
