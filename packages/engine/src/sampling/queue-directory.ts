import {
  type Clock,
  type Instant,
  millisecondsBetween,
  type Pauses,
  type Queue,
  type QueueListRequest,
  SharedRun,
  within,
} from '@querator/core';

/** What a list shows of a queue besides its counts. */
export interface ListedQueue {
  readonly name: string;
  readonly namespace: string;
  readonly createdAt: Instant;
  /** Empty: none. */
  readonly deadQueue: string;
  /** Those in force when the queue was read. */
  readonly pauses: Pauses;
  /** The storage of each partition, by its number. */
  readonly storages: readonly string[];
}

/** Reads one page of the stored queues. See `QueueStore.list`. */
export type ReadQueues = (request: QueueListRequest) => Promise<readonly Queue[]>;

/** Queues read at a time. One with 1,024 partitions takes 100 kB until it was noted. */
const QUEUES_AT_ONCE = 500;
/** A directory that was read as quickly is read anew for a request. */
const QUICK_MS = 20;
/** How long a request waits for the first read, if it can do without. */
const PATIENCE_MS = 10;
/** Requests within this time share a read. */
const FRESH_MS = 500;
/** If this process has changed more queues than this, all are read, and their names are not kept. */
const MOST_CHANGED = 100;

/** All queues in memory, as they were read a short time ago. Those that this process has changed since are read anew. */
export class QueueDirectory {
  readonly #clock: Clock;
  readonly #read: ReadQueues;
  readonly #reads = new SharedRun(() => this.#readAll());
  readonly #changedReads = new SharedRun(() => this.#readChanged());
  #queues: readonly ListedQueue[] | undefined;
  #byName: Map<string, ListedQueue> = new Map();
  /** Names of queues that have changed since they were read. Undefined: too many. */
  #changed: Set<string> | undefined = new Set();
  #readAt: Instant | undefined;
  #tookMs = 0;

  constructor({ clock, read }: { readonly clock: Clock; readonly read: ReadQueues }) {
    this.#clock = clock;
    this.#read = read;
  }

  /** How long the last read took, in milliseconds. */
  get tookMs(): number {
    return this.#tookMs;
  }

  /** The age of what is known, in milliseconds. Infinite: nothing is. */
  get ageMs(): number {
    return this.#readAt === undefined ? Infinity : millisecondsBetween(this.#readAt, this.#clock.now());
  }

  /** The queues that were read last. */
  get known(): readonly ListedQueue[] {
    return this.#queues ?? [];
  }

  /** The queue of that name, if one is known. */
  find(name: string): ListedQueue | undefined {
    return this.#byName.get(name);
  }

  /** Notes that this process has created, changed or deleted the queue. */
  changed(name: string): void {
    if (this.#queues === undefined && this.#reads.isIdle) return;
    this.#changed?.add(name);
    if ((this.#changed?.size ?? 0) > MOST_CHANGED) this.#changed = undefined;
  }

  /** The queues. Reads them if that is quick, or if none are known. @throws StorageError */
  async current(): Promise<readonly ListedQueue[]> {
    const known = this.#queues ?? (await this.#reads.join());
    const isFine = this.ageMs < FRESH_MS || this.#tookMs > QUICK_MS;
    try {
      if (!isFine || this.#changed === undefined) await this.#reads.start();
      else if (this.#changed.size > 0 || !this.#changedReads.isIdle) await this.#changedReads.start();
    } catch {
      // What is known is better than no answer.
    }
    return this.#queues ?? known;
  }

  /** As `current`, but undefined if none are known and reading them takes long. */
  async soon(): Promise<readonly ListedQueue[] | undefined> {
    if (this.#queues !== undefined) return this.current();
    return within(this.#clock, PATIENCE_MS, this.current());
  }

  /** Some queues in order of their names, from `pivot` on, straight from storage. @throws StorageError */
  async read(
    pivot: string,
    { namespace, limit }: { readonly namespace: string; readonly limit: number },
  ): Promise<readonly ListedQueue[]> {
    const page = await this.#read({ namespace: namespace || undefined, pivot, limit });
    return page.map(noted);
  }

  /** Reads the queues. @throws StorageError */
  refresh(): Promise<readonly ListedQueue[]> {
    return this.#reads.join();
  }

  forget(): void {
    this.#queues = undefined;
    this.#byName = new Map();
    this.#changed = new Set();
    this.#readAt = undefined;
  }

  async #readChanged(): Promise<void> {
    // Its result may lack the changes, and would replace theirs.
    await this.#reads.idle();
    const byName = this.#byName;
    for (const name of [...(this.#changed ?? [])]) {
      // It may change once more during the read.
      this.#changed?.delete(name);
      const [queue] = await this.read(name, { namespace: '', limit: 1 }).catch((error: unknown) => {
        this.changed(name);
        throw error;
      });
      if (queue?.name === name) byName.set(name, queue);
      else byName.delete(name);
    }
    if (byName === this.#byName) this.#queues = [...byName.values()];
  }

  async #readAll(): Promise<readonly ListedQueue[]> {
    const began = this.#clock.now();
    const before = this.#changed;
    // Those that change during the reads must be read again.
    this.#changed = new Set();
    const queues = await this.#pages().catch((error: unknown) => {
      if (before === undefined) this.#changed = undefined;
      else for (const name of before) this.changed(name);
      throw error;
    });
    this.#queues = queues;
    this.#byName = new Map(queues.map((queue) => [queue.name, queue]));
    this.#readAt = began;
    this.#tookMs = millisecondsBetween(began, this.#clock.now());
    return queues;
  }

  async #pages(): Promise<readonly ListedQueue[]> {
    const queues: ListedQueue[] = [];
    for (let pivot = ''; ; ) {
      const page = await this.#read({ namespace: undefined, pivot, limit: QUEUES_AT_ONCE });
      // Pages repeat the pivot.
      for (const queue of page) if (queue.name !== pivot) queues.push(noted(queue));
      const last = page.at(-1)?.name;
      if (page.length < QUEUES_AT_ONCE || last === undefined) return queues;
      pivot = last;
    }
  }
}

function noted({ name, namespace, createdAt, deadQueue, pauses = {}, partitions }: Queue): ListedQueue {
  return {
    ...{ name, namespace, createdAt, deadQueue, pauses },
    storages: partitions.map(({ storageName }) => storageName),
  };
}
