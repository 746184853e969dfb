import type { Disturbance, Given, History, Operation, Outcome, ReleaseCount } from './history.ts';
import { CallFailed, type QueueCalls } from './queue-calls.ts';

/** Sooner than this, "later" is now (semantics: the schedule threshold). */
const THRESHOLD_MS = 100;

/** What a recorded call came to. */
export interface Recorded {
  readonly outcome: Outcome;
}

/** What a recorded lease came to. */
export interface RecordedLease extends Recorded {
  readonly partition: number;
  readonly given: readonly Given[];
}

type Made = Pick<Operation, 'client' | 'instance'>;
/** The fields of an operation that its call fills in. */
type Told<O extends Operation> = O extends Operation
  ? Omit<O, 'number' | 'client' | 'instance' | 'invoked' | 'returned' | 'outcome' | 'error'>
  : never;

/** Makes calls and writes down what was asked, when, and what came of it. */
export class Recorder {
  readonly #start = performance.now();
  readonly #operations: Operation[] = [];
  readonly #disturbances: Disturbance[] = [];
  readonly #releases: ReleaseCount[] = [];
  #number = 0;

  /** Milliseconds since the history began. */
  now(): number {
    return performance.now() - this.#start;
  }

  /** The operations whose outcome is known so far, in the order of their ends. */
  get operations(): readonly Operation[] {
    return this.#operations;
  }

  /** Writes down a fault; resolves when it is mended. */
  async disturb(what: string, fault: () => Promise<void>): Promise<void> {
    const from = this.now();
    try {
      await fault();
    } finally {
      this.#disturbances.push({ what, from, to: this.now() });
    }
  }

  /** Writes down what a server said of items it has put back. */
  counted(count: ReleaseCount): void {
    this.#releases.push(count);
  }

  /** What has to be added to a time of day to have it on the clock of the history; a millisecond too much at most. */
  dayOffset(): number {
    let shortest = Number.POSITIVE_INFINITY;
    let offset = 0;
    // The process may be held up between two readings: the shortest of three attempts tells best.
    for (let attempt = 0; attempt < 3; attempt++) {
      const before = this.now();
      const day = Date.now();
      const tookMs = this.now() - before;
      if (tookMs >= shortest) continue;
      shortest = tookMs;
      offset = before - day;
    }
    return offset;
  }

  /** The calls of one client to one server, recorded. */
  client(client: string, instance: number, calls: QueueCalls): RecordedCalls {
    return new RecordedCalls(this, { client, instance }, calls);
  }

  /** All that was recorded. */
  history(
    about: Pick<History, 'origin' | 'partitions' | 'leaseTimeoutMs' | 'drained' | 'brokenOff'>,
  ): History {
    const operations = this.#operations.toSorted((a, b) => a.invoked - b.invoked);
    const releases = this.#releases.toSorted((a, b) => a.asked - b.asked);
    return { version: 1, ...about, disturbances: this.#disturbances, releases, operations };
  }

  /** For {@link RecordedCalls}: makes a call and writes it down. */
  async record<O extends Operation, T>(
    made: Made,
    call: () => Promise<T>,
    tell: (result: T | undefined) => Told<O>,
  ): Promise<Outcome> {
    const number = this.#number++;
    const invoked = this.now();
    let result: T | undefined;
    let outcome: Outcome = 'ok';
    let error: string | undefined;
    let unexpected: unknown;
    try {
      result = await call();
    } catch (failed) {
      if (!(failed instanceof CallFailed)) unexpected = failed;
      outcome = failed instanceof CallFailed ? failed.outcome : 'unknown';
      error = failed instanceof Error ? failed.message : String(failed);
    }
    const returned = this.now();
    const timing = { number, ...made, invoked, returned, outcome };
    const about = error === undefined ? timing : { ...timing, error };
    this.#operations.push({ ...about, ...tell(result) } as unknown as Operation);
    // The run is over; what was asked may have taken effect all the same, and the rest is judged by that.
    if (unexpected !== undefined) throw unexpected;
    return outcome;
  }
}

/** One client's calls to one server. None of them throws for what a server may answer, or the network do. */
export class RecordedCalls {
  readonly #recorder: Recorder;
  readonly #made: Made;
  readonly #calls: QueueCalls;

  /** @internal made by {@link Recorder.client}. */
  constructor(recorder: Recorder, made: Made, calls: QueueCalls) {
    this.#recorder = recorder;
    this.#made = made;
    this.#calls = calls;
  }

  /** @param delayMs schedules the items that much later. */
  produce(items: readonly string[], delayMs = 0): Promise<Outcome> {
    const { at, notBefore } = this.#later(delayMs);
    const told = {
      call: 'produce' as const,
      items: [...items],
      ...(notBefore === undefined ? {} : { notBefore }),
    };
    return this.#recorder.record(
      this.#made,
      () => this.#calls.produce(items, { at }),
      () => told,
    );
  }

  async lease(limit: number): Promise<RecordedLease> {
    let partition = 0;
    let given: readonly Given[] = [];
    const outcome = await this.#recorder.record(
      this.#made,
      () => this.#calls.lease(this.#made.client, limit),
      (result) => {
        if (result === undefined) return { call: 'lease' as const, limit, given };
        partition = result.partition;
        // The deadline is a time of day.
        const offset = this.#recorder.dayOffset();
        given = result.given.map(({ deadlineAt, ...item }) => ({ ...item, deadline: deadlineAt + offset }));
        return { call: 'lease' as const, limit, partition, given };
      },
    );
    return { outcome, partition, given };
  }

  complete(partition: number, ids: readonly string[]): Promise<Outcome> {
    // The caller may go on to change its list.
    const named = [...ids];
    return this.#recorder.record(
      this.#made,
      () => this.#calls.complete(partition, named),
      () => ({ call: 'complete' as const, partition, ids: named }),
    );
  }

  retry(partition: number, ids: readonly string[], { delayMs = 0, dead = false } = {}): Promise<Outcome> {
    const { at, notBefore } = this.#later(delayMs);
    const told = {
      ...{ call: 'retry' as const, partition, ids: [...ids] },
      ...(notBefore === undefined ? {} : { notBefore }),
      ...(dead ? { dead } : {}),
    };
    return this.#recorder.record(
      this.#made,
      () => this.#calls.retry(partition, ids, { at, dead }),
      () => told,
    );
  }

  clear(leased: boolean): Promise<Outcome> {
    return this.#recorder.record(
      this.#made,
      () => this.#calls.clear(leased),
      () => ({ call: 'clear' as const, leased }),
    );
  }

  /** Only what is far enough away is scheduled. */
  #later(delayMs: number): { at?: number; notBefore?: number } {
    if (delayMs <= 0) return {};
    if (delayMs < 2 * THRESHOLD_MS) throw new Error('too near to be sure that it is scheduled');
    return { at: Date.now() + delayMs, notBefore: this.#recorder.now() + delayMs };
  }
}
