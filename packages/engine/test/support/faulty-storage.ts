import type { PartitionKey, PartitionStore, StorageBackend, StorageCapabilities } from '@querator/core';
import { StorageError } from '@querator/core';

type Operation = Exclude<keyof PartitionStore, 'drop'>;
type Call = (...args: never[]) => Promise<unknown>;

/** Holds a call back until the test lets it go. */
class Gate {
  #open: () => void = () => {};
  readonly opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  open(): void {
    this.#open();
  }
}

/**
 * A storage around another one that a test can make fail, refuse or hang, one
 * operation of one partition at a time, and that keeps a record of the calls.
 */
export class FaultyStorage implements StorageBackend {
  readonly name: string;
  readonly capabilities: StorageCapabilities;
  /** The calls so far: operation, partition and arguments. */
  readonly calls: { operation: Operation; partition: number; args: readonly unknown[] }[] = [];
  readonly #inner: StorageBackend;
  readonly #faults = new Map<string, 'not-applied' | 'unknown-applied' | 'unknown-lost'>();
  readonly #gates = new Map<string, Gate>();

  constructor(inner: StorageBackend) {
    this.#inner = inner;
    this.name = inner.name;
    this.capabilities = inner.capabilities;
  }

  /** From now on, the operation fails: without effect, or with an unknown one that did or did not take place. */
  fail(
    operation: Operation,
    partition: number,
    how: 'not-applied' | 'unknown-applied' | 'unknown-lost',
  ): void {
    this.#faults.set(`${operation}/${partition}`, how);
  }

  /** Takes the partition off the network: everything fails without effect. */
  cut(partition: number): void {
    for (const operation of OPERATIONS) this.fail(operation, partition, 'not-applied');
  }

  /** Ends all faults of a partition. */
  heal(partition: number): void {
    for (const operation of OPERATIONS) this.#faults.delete(`${operation}/${partition}`);
  }

  /** Holds back the answers of an operation, after it took effect, until the returned function is called. */
  hold(operation: Operation, partition: number): () => void {
    const key = `${operation}/${partition}`;
    const gate = new Gate();
    this.#gates.set(key, gate);
    return () => {
      this.#gates.delete(key);
      gate.open();
    };
  }

  /** How often an operation was called. */
  count(operation: Operation): number {
    return this.calls.filter((call) => call.operation === operation).length;
  }

  queueStore() {
    return this.#inner.queueStore();
  }

  partitionStore(key: PartitionKey): PartitionStore {
    const inner = this.#inner.partitionStore(key);
    const wrapped = Object.fromEntries(
      OPERATIONS.map((operation) => [operation, this.#wrap(inner, operation, key.partition)]),
    );
    return { ...wrapped, drop: () => inner.drop() } as unknown as PartitionStore;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #wrap(inner: PartitionStore, operation: Operation, partition: number): Call {
    return async (...args) => {
      this.calls.push({ operation, partition, args });
      const fault = this.#faults.get(`${operation}/${partition}`);
      if (fault === 'not-applied' || fault === 'unknown-lost') {
        throw new StorageError('injected', { outcome: fault === 'not-applied' ? 'not-applied' : 'unknown' });
      }
      const result = await (inner[operation] as Call).apply(inner, args);
      await this.#gates.get(`${operation}/${partition}`)?.opened;
      if (fault === 'unknown-applied') throw new StorageError('injected', { outcome: 'unknown' });
      return result;
    };
  }
}

const OPERATIONS: readonly Operation[] = [
  'produce',
  'lease',
  'release',
  'complete',
  'retry',
  'list',
  'stats',
  'import',
  'delete',
  'clear',
  'sweep',
  'remove',
];
