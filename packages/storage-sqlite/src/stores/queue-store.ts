import type {
  Duration,
  Instant,
  MakeAuditEvent,
  NewQueue,
  PartitionPlacement,
  Pausable,
  PauseChange,
  Queue,
  QueueListRequest,
  QueueRelations,
  QueueSize,
  QueueStamp,
  QueueStore,
} from '@querator/core';
import type { Database, OpenTransaction } from '../database/database.ts';
import { addEvent } from './add-event.ts';

/** Checks the queue that uses another one as dead-letter queue. */
type CheckUser = (usedBy: string | undefined, closure?: string) => void;

/** The settings of the queues of a file. Callbacks run in the main thread, within an open transaction. */
export class SqliteQueueStore implements QueueStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  create(
    queue: NewQueue,
    check: (relations: QueueRelations) => void = () => {},
    audit?: MakeAuditEvent,
    { namespaceMustExist = false }: { readonly namespaceMustExist?: boolean | undefined } = {},
  ): Promise<Queue> {
    const { name, deadQueue } = queue;
    return this.#database.transaction(async (transaction) => {
      const created = await transaction.call('insertQueue', { queue, namespaceMustExist });
      if (deadQueue !== '') check(await transaction.call('queueRelations', { name, deadQueue }));
      await addEvent(transaction, audit);
      return created;
    });
  }

  get(name: string): Promise<Queue | undefined> {
    return this.#database.read('findQueue', { name });
  }

  stamps(names: readonly string[]): Promise<ReadonlyMap<string, QueueStamp>> {
    return this.#database.read('queueStamps', { names });
  }

  list(request: QueueListRequest): Promise<readonly Queue[]> {
    return this.#database.read('listQueues', request);
  }

  update(
    name: string,
    change: (stored: Queue, relations: QueueRelations | undefined) => NewQueue,
    deadQueue = '',
    audit?: MakeAuditEvent,
  ): Promise<Queue | undefined> {
    return this.#database.transaction(async (transaction) => {
      const stored = await transaction.call('findQueue', { name });
      if (stored === undefined) return undefined;
      const relations =
        deadQueue === '' ? undefined : await transaction.call('queueRelations', { name, deadQueue });
      const updated = await transaction.call('updateQueue', { name, changed: change(stored, relations) });
      await addEvent(transaction, audit);
      return updated;
    });
  }

  pause(
    name: string,
    changes: Readonly<Partial<Record<Pausable, PauseChange>>>,
    audit?: MakeAuditEvent,
  ): Promise<Queue | undefined> {
    return this.#database.transaction(async (transaction) => {
      const paused = await transaction.call('pauseQueue', { name, changes });
      if (paused !== undefined) await addEvent(transaction, audit);
      return paused;
    });
  }

  place(
    name: string,
    createdAt: Instant,
    partition: number,
    change: (placement: PartitionPlacement) => PartitionPlacement,
    audit?: MakeAuditEvent,
  ): Promise<Queue | undefined> {
    return this.#database.transaction(async (transaction) => {
      const stored = await transaction.call('findQueue', { name });
      const placement = stored?.partitions[partition];
      if (stored?.createdAt !== createdAt || placement === undefined) return undefined;
      const partitions = stored.partitions.with(partition, { ...change(placement), partition });
      const { resizes } = stored;
      const placed = await transaction.call('placeQueue', { name, partitions, resizes });
      await addEvent(transaction, audit);
      return placed;
    });
  }

  resize(
    name: string,
    createdAt: Instant,
    change: (stored: Queue) => QueueSize,
    audit?: MakeAuditEvent,
  ): Promise<Queue | undefined> {
    return this.#database.transaction(async (transaction) => {
      const stored = await transaction.call('findQueue', { name });
      if (stored?.createdAt !== createdAt) return undefined;
      const { partitions, resizes } = change(stored);
      const isSame = partitions.length === stored.partitions.length;
      const resized = await transaction.call('resizeQueue', {
        ...{ name, resizes },
        partitions: partitions.map((each, n) => stored.partitions[n] ?? each),
        requestedPartitions: isSame ? stored.requestedPartitions : partitions.length,
      });
      await addEvent(transaction, audit);
      return resized;
    });
  }

  beginDelete(
    name: string,
    createdAt: Instant,
    { timeout, check }: { readonly timeout: Duration; readonly check: CheckUser },
  ): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      if (!(await this.#mayEnd(transaction, name, createdAt, check))) return false;
      await transaction.call('beginQueueDelete', { name, timeout });
      return true;
    });
  }

  close(
    name: string,
    createdAt: Instant,
    closure: { readonly token: string; readonly timeout: Duration | undefined },
  ): Promise<boolean> {
    const { token, timeout } = closure;
    return this.#database.call('closeQueue', { name, createdAt, closure: { token, timeout } });
  }

  delete(name: string, createdAt?: Instant, check?: CheckUser, audit?: MakeAuditEvent): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      if (!(await this.#mayEnd(transaction, name, createdAt, check))) return false;
      await transaction.call('deleteQueue', { name });
      await addEvent(transaction, audit);
      return true;
    });
  }

  wasDeleted(name: string, createdAt: Instant): Promise<boolean> {
    return this.#database.read('wasQueueDeleted', { name, createdAt });
  }

  forgetDeletion(name: string, createdAt: Instant): Promise<void> {
    return this.#database.call('forgetQueueDeletion', { name, createdAt });
  }

  partitionCounts(): Promise<ReadonlyMap<string, number>> {
    return this.#database.read('partitionCounts', null);
  }

  findByDeadQueue(name: string): Promise<string | undefined> {
    return this.#database.read('userOfQueue', { name });
  }

  /** Whether the queue is stored that the caller means. @throws the error of `check`. */
  async #mayEnd(
    transaction: OpenTransaction,
    name: string,
    createdAt: Instant | undefined,
    check: CheckUser | undefined,
  ): Promise<boolean> {
    const stored = await transaction.call('findQueue', { name });
    if (stored === undefined || (createdAt !== undefined && stored.createdAt !== createdAt)) return false;
    if (check === undefined) return true;
    const usedBy = await transaction.call('userOfQueue', { name });
    check(usedBy, await transaction.call('lastingClosure', { name }));
    return true;
  }
}
