import { StorageError } from '../errors/storage-error.ts';
import type { StorageCapabilities } from '../storage/capabilities.ts';
import { claimsWithin } from '../storage/capability-faults.ts';
import {
  decorateStore,
  MOVE_STORE,
  PARTITION_STORE,
  type PortMembers,
  QUEUE_STORE,
} from '../storage/decorate-store.ts';
import type { MoveStore } from '../storage/move-store.ts';
import type { PartitionStore } from '../storage/partition-store.ts';
import type { QueueStore } from '../storage/queue-store.ts';
import type {
  PartitionKey,
  PartitionOwner,
  PartitionSize,
  StorageBackend,
  StorageNotice,
} from '../storage/storage-backend.ts';
import type { Instant } from '../time/instant.ts';

/** How a storage call fails: without effect, or with outcome `unknown` after it was applied or lost. */
export type Fault = 'not-applied' | 'unknown-applied' | 'unknown-lost';

type Operation = keyof PartitionStore | keyof MoveStore;
type QueueOperation = keyof QueueStore;
type Call = (...args: never[]) => Promise<unknown>;

/** Delays calls until the test opens it. */
interface Gate {
  /** Delays the call, or its answer after the call took effect. */
  readonly when: 'before' | 'after';
  readonly opened: Promise<void>;
}

/** The key of the queue store's faults and gates; no partition has this number. */
const QUEUES = -1;

/**
 * Wraps a storage so that a test can make its calls fail or hang, per operation
 * and partition number. Records the calls.
 *
 * Has no `poll` and no `signals`: the engine then finds the items of other
 * processes by leases and sweeps, which a test can count and delay.
 */
export class FaultyStorage implements StorageBackend {
  readonly name: string;
  readonly capabilities: StorageCapabilities;
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
    this.capabilities = claimsWithin(inner.capabilities, this);
    this.#queueStore = this.#wrapAll(QUEUE_STORE, inner.queueStore(), QUEUES);
  }

  /** Whether calls are running. Calls that wait for the test at a gate do not count. */
  get busy(): boolean {
    return this.#inFlight > 0;
  }

  /** Waits until no calls are running. */
  async quiet(): Promise<void> {
    while (this.#inFlight > 0) await new Promise<void>((resolve) => this.#whenQuiet.push(resolve));
  }

  /** Makes the operation fail from now on. */
  fail(operation: Operation, partition: number, how: Fault): void {
    this.#faults.set(`${operation}/${partition}`, how);
  }

  /** Makes every call on the partition fail without effect. */
  cut(partition: number): void {
    for (const operation of operationsOf(PARTITION_STORE)) this.fail(operation, partition, 'not-applied');
  }

  /** Ends all faults of a partition. */
  heal(partition: number): void {
    for (const operation of [...operationsOf(PARTITION_STORE), ...operationsOf(MOVE_STORE)]) {
      this.#faults.delete(`${operation}/${partition}`);
    }
  }

  /** Makes every call on the queue store fail without effect. */
  cutQueues(): void {
    for (const operation of operationsOf(QUEUE_STORE))
      this.#faults.set(`${operation}/${QUEUES}`, 'not-applied');
  }

  /** Like `fail`, for an operation of the queue store. */
  failQueues(operation: QueueOperation, how: Fault): void {
    this.#faults.set(`${operation}/${QUEUES}`, how);
  }

  /** Ends all faults of the queue store. */
  healQueues(): void {
    for (const operation of operationsOf(QUEUE_STORE)) this.#faults.delete(`${operation}/${QUEUES}`);
  }

  /**
   * Delays the answers of an operation, or with `before` the calls themselves,
   * until the returned function is called.
   */
  hold(operation: Operation, partition: number, when: Gate['when'] = 'after'): () => void {
    return this.#hold(`${operation}/${partition}`, when);
  }

  /** Like `hold`, for an operation of the queue store. */
  holdQueues(operation: QueueOperation, when: Gate['when'] = 'after'): () => void {
    return this.#hold(`${operation}/${QUEUES}`, when);
  }

  /** How often the operation was called. */
  count(operation: Operation): number {
    return this.calls.filter((call) => call.operation === operation).length;
  }

  queueStore(): QueueStore {
    return this.#queueStore;
  }

  partitionStore(key: PartitionKey, owner?: PartitionOwner): PartitionStore {
    return this.#wrapAll(PARTITION_STORE, this.#inner.partitionStore(key, owner), key.partition);
  }

  moveStore(key: PartitionKey, owner?: PartitionOwner): MoveStore {
    const store = this.#inner.moveStore?.(key, owner);
    if (store === undefined) throw new Error('the wrapped storage has no moves');
    return this.#wrapAll(MOVE_STORE, store, key.partition);
  }

  /** Makes pings fail or succeed. Does not affect the stores. */
  setReachable(reachable: boolean): void {
    this.#unreachable = !reachable;
  }

  /** Delays the answers to pings until the returned function is called. */
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

  async measure(keys: readonly PartitionKey[]): Promise<readonly PartitionSize[]> {
    if (this.#unreachable) throw new StorageError('injected', { outcome: 'not-applied' });
    return this.#inner.measure(keys);
  }

  /** The clock of the storage. */
  async now(): Promise<Instant> {
    if (this.#unreachable) throw new StorageError('injected', { outcome: 'not-applied' });
    const now = await this.#inner.now?.();
    if (now === undefined) throw new Error('the storage behind has no clock');
    return now;
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
