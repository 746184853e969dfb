import { StorageError } from '../errors/storage-error.ts';
import { decorateStore, PARTITION_STORE, type PortMembers, QUEUE_STORE } from '../storage/decorate-store.ts';
import type { PartitionStore } from '../storage/partition-store.ts';
import type { QueueStore } from '../storage/queue-store.ts';
import type {
  PartitionKey,
  PartitionOwner,
  StorageBackend,
  StorageCapabilities,
  StorageNotice,
} from '../storage/storage-backend.ts';

/** How a storage call fails: without effect, or with an unknown one that did or did not take place. */
export type Fault = 'not-applied' | 'unknown-applied' | 'unknown-lost';

type Operation = keyof PartitionStore;
type QueueOperation = keyof QueueStore;
type Call = (...args: never[]) => Promise<unknown>;

/** Holds calls back until the test lets them go. */
interface Gate {
  /** Before the call takes effect, or its answer after it did. */
  readonly when: 'before' | 'after';
  readonly opened: Promise<void>;
}

/** Where the faults and gates of the queue store are kept; no partition has this number. */
const QUEUES = -1;

/**
 * A storage around another one that a test can make fail, refuse or hang, one
 * operation of one partition number at a time, and that keeps a record of the
 * calls.
 */
export class FaultyStorage implements StorageBackend {
  readonly name: string;
  readonly capabilities: StorageCapabilities;
  readonly signals: StorageBackend['signals'];
  readonly poll?: NonNullable<StorageBackend['poll']>;
  /** The calls on partitions so far: operation, partition and arguments. */
  readonly calls: { operation: Operation; partition: number; args: readonly unknown[] }[] = [];
  readonly #inner: StorageBackend;
  readonly #queueStore: QueueStore;
  readonly #faults = new Map<string, Fault>();
  readonly #gates = new Map<string, Gate>();
  #unreachable = false;
  #pingGate: Promise<void> = Promise.resolve();
  #inFlight = 0;
  #whenQuiet: (() => void)[] = [];

  constructor(inner: StorageBackend) {
    this.#inner = inner;
    this.name = inner.name;
    this.capabilities = inner.capabilities;
    this.signals = inner.signals;
    if (inner.poll !== undefined) this.poll = inner.poll.bind(inner);
    this.#queueStore = this.#wrapAll(QUEUE_STORE, inner.queueStore(), QUEUES);
  }

  /** Whether calls are under way. Those that are held back do not count: only the test can let them go on. */
  get busy(): boolean {
    return this.#inFlight > 0;
  }

  /** Waits until no calls are under way. */
  async quiet(): Promise<void> {
    while (this.#inFlight > 0) await new Promise<void>((resolve) => this.#whenQuiet.push(resolve));
  }

  /** From now on, the operation fails. */
  fail(operation: Operation, partition: number, how: Fault): void {
    this.#faults.set(`${operation}/${partition}`, how);
  }

  /** Takes the partition off the network: everything fails without effect. */
  cut(partition: number): void {
    for (const operation of operationsOf(PARTITION_STORE)) this.fail(operation, partition, 'not-applied');
  }

  /** Ends all faults of a partition. */
  heal(partition: number): void {
    for (const operation of operationsOf(PARTITION_STORE)) this.#faults.delete(`${operation}/${partition}`);
  }

  /** Takes the place of queues' settings off the network. */
  cutQueues(): void {
    for (const operation of operationsOf(QUEUE_STORE))
      this.#faults.set(`${operation}/${QUEUES}`, 'not-applied');
  }

  /** Ends all faults of the place of queues' settings. */
  healQueues(): void {
    for (const operation of operationsOf(QUEUE_STORE)) this.#faults.delete(`${operation}/${QUEUES}`);
  }

  /**
   * Holds back the answers of an operation, after it took effect, or the calls
   * before they do, until the returned function is called.
   */
  hold(operation: Operation, partition: number, when: Gate['when'] = 'after'): () => void {
    return this.#hold(`${operation}/${partition}`, when);
  }

  /** As `hold`, for an operation on queues' settings. */
  holdQueues(operation: QueueOperation, when: Gate['when'] = 'after'): () => void {
    return this.#hold(`${operation}/${QUEUES}`, when);
  }

  /** How often an operation was called. */
  count(operation: Operation): number {
    return this.calls.filter((call) => call.operation === operation).length;
  }

  queueStore(): QueueStore {
    return this.#queueStore;
  }

  partitionStore(key: PartitionKey, owner?: PartitionOwner): PartitionStore {
    return this.#wrapAll(PARTITION_STORE, this.#inner.partitionStore(key, owner), key.partition);
  }

  /** Whether the storage as a whole is there; stores are made to fail one by one. */
  setReachable(reachable: boolean): void {
    this.#unreachable = !reachable;
  }

  /** Holds back the answers to pings until the returned function is called. */
  holdPings(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pingGate = promise;
    return resolve;
  }

  async ping(): Promise<readonly StorageNotice[]> {
    await this.#pingGate;
    if (this.#unreachable) throw new StorageError('injected', { outcome: 'not-applied' });
    return this.#inner.ping();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #hold(key: string, when: Gate['when']): () => void {
    const { promise: opened, resolve } = Promise.withResolvers<void>();
    this.#gates.set(key, { when, opened });
    return () => {
      this.#gates.delete(key);
      resolve();
    };
  }

  #wrapAll<Store extends object>(members: PortMembers<Store>, inner: Store, partition: number): Store {
    return decorateStore(members, inner, (operation, call) => this.#wrap(operation, partition, call as Call));
  }

  #wrap(operation: string, partition: number, call: Call): Call {
    const key = `${operation}/${partition}`;
    return async (...args) => {
      if (partition !== QUEUES) this.calls.push({ operation: operation as Operation, partition, args });
      const gate = this.#gates.get(key);
      if (gate?.when === 'before') await gate.opened;
      const fault = this.#faults.get(key);
      if (fault === 'not-applied' || fault === 'unknown-lost') {
        throw new StorageError('injected', { outcome: fault === 'not-applied' ? 'not-applied' : 'unknown' });
      }
      const result = await this.#counted(call(...args));
      if (gate?.when === 'after') await gate.opened;
      if (fault === 'unknown-applied') throw new StorageError('injected', { outcome: 'unknown' });
      return result;
    };
  }

  async #counted(running: Promise<unknown>): Promise<unknown> {
    this.#inFlight++;
    try {
      return await running;
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) for (const resolve of this.#whenQuiet.splice(0)) resolve();
    }
  }
}

function operationsOf<Port>(members: PortMembers<Port>): (keyof Port & string)[] {
  return Object.keys(members) as (keyof Port & string)[];
}
