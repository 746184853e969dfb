import type {
  Disturbance,
  Given,
  History,
  Operation,
  Outcome,
  QueueOfCall,
  ReleaseCount,
} from './history.ts';
import { CallFailed, type ProduceHow, type QueueCalls } from './queue-calls.ts';

/** Schedules within this time mean at once. */
const THRESHOLD_MS = 100;

/** The result of a recorded call. */
export interface Recorded {
  readonly outcome: Outcome;
}

/** The result of a recorded lease. */
export interface RecordedLease extends Recorded {
  readonly partition: number;
  readonly given: readonly Given[];
}

type Made = Pick<Operation, 'client' | 'instance'>;
/** The fields of an operation that its call fills in. */
type Told<O extends Operation> = O extends Operation
  ? Omit<O, 'number' | 'client' | 'instance' | 'invoked' | 'returned' | 'outcome' | 'error'>
  : never;

/** Makes calls and records requests, times and outcomes. */
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

  /** The ended operations, in the order of their ends. */
  get operations(): readonly Operation[] {
    return this.#operations;
  }

  /** Records a fault. Resolves when it is over. */
  async disturb(what: string, fault: () => Promise<void>): Promise<void> {
    const from = this.now();
    try {
      await fault();
    } finally {
      this.#disturbances.push({ what, from, to: this.now() });
    }
  }

  /** Records a server's count of items put back. */
  counted(count: ReleaseCount): void {
    this.#releases.push(count);
  }

  /** Added to a time of day it gives the time of the history; at most a millisecond too much. */
  dayOffset(): number {
    let shortest = Number.POSITIVE_INFINITY;
    let offset = 0;
    // The process may be interrupted between two readings, so the shortest of three attempts counts.
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
  client(client: string, instance: number, calls: QueueCalls, queue?: QueueOfCall): RecordedCalls {
    return new RecordedCalls(this, { client, instance }, calls, queue);
  }

  /** The recorded history. */
  history(
    about: Pick<
      History,
      | 'origin'
      | 'partitions'
      | 'leaseTimeoutMs'
      | 'maxAttempts'
      | 'drained'
      | 'brokenOff'
      | 'firings'
      | 'movedItems'
    >,
  ): History {
    const operations = this.#operations.toSorted((a, b) => a.invoked - b.invoked);
    const releases = this.#releases.toSorted((a, b) => a.asked - b.asked);
    return { version: 1, ...about, disturbances: this.#disturbances, releases, operations };
  }

  /** For {@link RecordedCalls}: makes a call and records it. */
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
    // The run is over. The call counts as one that may have taken effect.
    if (unexpected !== undefined) throw unexpected;
    return outcome;
  }
}

/** One client's calls to one server. They do not throw for errors of servers or the network. */
export class RecordedCalls {
  readonly #recorder: Recorder;
  readonly #made: Made;
  readonly #calls: QueueCalls;
  readonly #on: { readonly queue?: QueueOfCall };

  /** @internal made by {@link Recorder.client}. */
  constructor(recorder: Recorder, made: Made, calls: QueueCalls, queue: QueueOfCall) {
    this.#recorder = recorder;
    this.#made = made;
    this.#calls = calls;
    this.#on = queue === undefined ? {} : { queue };
  }

  /** @param how `delayMs` schedules the items that much later; the rest as for a service. */
  produce(
    items: readonly string[],
    { delayMs = 0, key, named = false }: Omit<ProduceHow, 'at'> & { readonly delayMs?: number } = {},
  ): Promise<Outcome> {
    const { at, notBefore } = this.#later(delayMs);
    const asked = {
      call: 'produce' as const,
      items: [...items],
      ...(notBefore === undefined ? {} : { notBefore }),
      ...(key === undefined ? {} : { key }),
      ...(named ? { named } : {}),
    };
    return this.#recorder.record(
      this.#made,
      () => this.#calls.produce(items, { at, key, named }),
      (told) => (told === undefined ? asked : { ...asked, told }),
    );
  }

  async lease(limit: number): Promise<RecordedLease> {
    let partition = 0;
    let given: readonly Given[] = [];
    const outcome = await this.#recorder.record(
      this.#made,
      () => this.#calls.lease(this.#made.client, limit),
      (result) => {
        if (result === undefined) return { call: 'lease' as const, ...this.#on, limit, given };
        partition = result.partition;
        // The deadline is a time of day.
        const offset = this.#recorder.dayOffset();
        given = result.given.map(({ deadlineAt, ...item }) => ({ ...item, deadline: deadlineAt + offset }));
        return { call: 'lease' as const, ...this.#on, limit, partition, given };
      },
    );
    return { outcome, partition, given };
  }

  complete(partition: number, ids: readonly string[]): Promise<Outcome> {
    // A copy, since the caller may change its list.
    const named = [...ids];
    return this.#recorder.record(
      this.#made,
      () => this.#calls.complete(partition, named),
      () => ({ call: 'complete' as const, ...this.#on, partition, ids: named }),
    );
  }

  retry(partition: number, ids: readonly string[], { delayMs = 0, dead = false } = {}): Promise<Outcome> {
    const { at, notBefore } = this.#later(delayMs);
    const told = {
      ...{ call: 'retry' as const, ...this.#on, partition, ids: [...ids] },
      ...(notBefore === undefined ? {} : { notBefore }),
      ...(dead ? { dead } : {}),
    };
    return this.#recorder.record(
      this.#made,
      () => this.#calls.retry(partition, ids, { at, dead }),
      () => told,
    );
  }

  /** @returns the ids of the leases that were lost. Undefined: unknown. */
  async extend(
    partition: number,
    ids: readonly string[],
    leaseTimeoutMs: number,
  ): Promise<readonly string[] | undefined> {
    const told = { call: 'extend' as const, ...this.#on, partition, ids: [...ids] };
    let lost: readonly string[] | undefined;
    await this.#recorder.record(
      this.#made,
      () => this.#calls.extend(partition, told.ids, leaseTimeoutMs),
      (leases) => {
        if (leases === undefined) return { ...told, extended: [] };
        const offset = this.#recorder.dayOffset();
        const extended = leases.map(({ id, deadlineAt }) => ({ id, deadline: deadlineAt + offset }));
        lost = told.ids.filter((id) => !extended.some((each) => each.id === id));
        return { ...told, extended };
      },
    );
    return lost;
  }

  clear(leased: boolean): Promise<Outcome> {
    return this.#recorder.record(
      this.#made,
      () => this.#calls.clear(leased),
      () => ({ call: 'clear' as const, leased }),
    );
  }

  /** Undefined for times within the schedule threshold. */
  #later(delayMs: number): { at?: number; notBefore?: number } {
    if (delayMs <= 0) return {};
    if (delayMs < 2 * THRESHOLD_MS) throw new Error('too near to be sure that it is scheduled');
    return { at: Date.now() + delayMs, notBefore: this.#recorder.now() + delayMs };
  }
}
