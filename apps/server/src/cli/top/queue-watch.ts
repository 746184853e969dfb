import type { CallOptions, Client } from '@querator/client';
import { parseDuration, QueueError, toMilliseconds } from '@querator/core';
import type { QueuesDescribeResponse } from '@querator/protocol';
import type { MonotonicClock } from '../../monotonic-clock.ts';
import { FRESH_MS } from '../fresh-counts.ts';

/** The most queues that one look asks about. The others keep the counts of an earlier look. */
const MOST_OF_A_LOOK = 100;
/** The most requests at a time. */
const MOST_AT_ONCE = 8;
/** The largest page of a list that the server gives. */
const LARGEST_PAGE = 1_000;
/** The most queues. */
const MOST_QUEUES = 10_000;

/** What is known of a queue. */
export interface QueueRow {
  readonly queue: string;
  readonly waiting: number;
  readonly leased: number;
  readonly scheduled: number;
  /** Items in its dead-letter queue, in whatever state. Undefined: it has none, or that is not known yet. */
  readonly dead: number | undefined;
  /** Milliseconds since the oldest waiting item entered the queue. Undefined: none waits. */
  readonly headAgeMs: number | undefined;
  /** Milliseconds since its items were counted, at the look that brought the counts. Undefined: they never were. */
  readonly countAgeMs: number | undefined;
  /** How many items a second the queue grows by; negative: it shrinks. Undefined: it was counted only once. */
  readonly netPerSecond: number | undefined;
}

/** A count of a queue, and when the server made it. */
interface Count extends Point {
  readonly row: Omit<QueueRow, 'dead'>;
  /** Empty: it has none. */
  readonly deadQueue: string;
}

/** Where counts come from. */
export interface QueueWatchOptions {
  readonly client: Client;
  /** Undefined: all queues, or those of the namespace. */
  readonly names: readonly string[] | undefined;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly clock: MonotonicClock;
}

/**
 * Watches the counts of queues. Each look asks about a bounded number of queues, by turns, so
 * that the load of a server does not grow with the number of its queues.
 */
export class QueueWatch {
  readonly #options: QueueWatchOptions;
  readonly #counts = new Map<string, Count>();
  /** The queues of this turn that were not looked at yet. */
  #left: string[] = [];
  #names: ReadonlySet<string> = new Set();

  constructor(options: QueueWatchOptions) {
    this.#options = options;
  }

  /** How many queues are known, but were not looked at yet. */
  get unknown(): number {
    return [...this.#names].filter((name) => !this.#counts.has(name)).length;
  }

  /** Whether the counts of all queues in service are young: a server begins to count when it is asked. */
  get isFresh(): boolean {
    return this.rows().every(({ countAgeMs }) => countAgeMs !== undefined && countAgeMs <= FRESH_MS);
  }

  /** Looks until every queue was looked at. @throws as `look`. */
  async lookAtAll(options: CallOptions): Promise<void> {
    do await this.look(options);
    while (this.unknown > 0 || this.#left.length > 0);
  }

  /** Looks at the queues whose turn it is. @throws what the calls throw, unless a queue was deleted. */
  async look(options: CallOptions): Promise<void> {
    if (this.#left.length === 0) {
      this.#names = new Set(await this.#listNames(options));
      const dead = this.#deadQueues();
      for (const name of this.#counts.keys()) {
        if (!this.#names.has(name) && !dead.has(name)) this.#counts.delete(name);
      }
      this.#left = [...new Set([...this.#names, ...dead])];
    }
    const turn = this.#left.splice(0, MOST_OF_A_LOOK);
    const next = async (): Promise<void> => {
      for (let name = turn.shift(); name !== undefined; name = turn.shift()) await this.#count(name, options);
    };
    await Promise.all(Array.from({ length: MOST_AT_ONCE }, next));
  }

  /** The queues that were looked at, in no order. */
  rows(): readonly QueueRow[] {
    return [...this.#names].flatMap((name) => {
      const count = this.#counts.get(name);
      if (count === undefined) return [];
      const dead = this.#counts.get(count.deadQueue)?.row;
      return [{ ...count.row, dead: dead && dead.waiting + dead.leased + dead.scheduled }];
    });
  }

  async #listNames(options: CallOptions): Promise<readonly string[]> {
    const { client, names, namespace = '' } = this.#options;
    if (names !== undefined) return names;
    const listed: string[] = [];
    const request = { namespace, filter: '', sort: 'name', descending: false, limit: LARGEST_PAGE };
    let cursor = '';
    do {
      const page = await client.v2.queues.list({ ...request, cursor, withRates: false }, options);
      listed.push(...page.items.map(({ queueName }) => queueName));
      cursor = page.cursor;
    } while (cursor !== '' && listed.length < MOST_QUEUES);
    return listed.slice(0, MOST_QUEUES);
  }

  /** The dead-letter queues of the watched queues. */
  #deadQueues(): ReadonlySet<string> {
    const watched = [...this.#names].flatMap((name) => this.#counts.get(name)?.deadQueue ?? []);
    return new Set(watched.filter((name) => name !== ''));
  }

  async #count(queueName: string, options: CallOptions): Promise<void> {
    const { client, names } = this.#options;
    try {
      const described = await client.v2.queues.describe({ queueName }, options);
      this.#counts.set(queueName, this.#countOf(queueName, described));
    } catch (error) {
      const isGone = error instanceof QueueError && error.reason === 'no_such_queue';
      // A queue that the user named has to exist.
      if (!isGone || names?.includes(queueName)) throw error;
      this.#counts.delete(queueName);
    }
  }

  #countOf(queue: string, described: QueuesDescribeResponse): Count {
    const { waiting, leased, scheduled } = described;
    const headAgeMs = ageOf(described.headAge);
    const countAgeMs = ageOf(described.countAge);
    const now = {
      held: waiting + leased + scheduled,
      countedAtMs: this.#options.clock() - (countAgeMs ?? 0),
    };
    const before = this.#counts.get(queue);
    // The server may answer twice with one count. The times of these differ by that of the call.
    const isSame = before !== undefined && now.countedAtMs - before.countedAtMs < SHORTEST_MS;
    const netPerSecond = isSame ? before.row.netPerSecond : before && netRate(before, now);
    const row = { queue, waiting, leased, scheduled, headAgeMs, countAgeMs, netPerSecond };
    return { row, deadQueue: described.queue?.deadQueue ?? '', ...(isSame ? pointOf(before) : now) };
  }
}

/** Counts that are closer together are taken for one. */
const SHORTEST_MS = 200;

/** What a queue held at a time. */
interface Point {
  readonly held: number;
  readonly countedAtMs: number;
}

function pointOf({ held, countedAtMs }: Point): Point {
  return { held, countedAtMs };
}

function netRate(before: Point, now: Point): number {
  return ((now.held - before.held) * 1_000) / (now.countedAtMs - before.countedAtMs);
}

function ageOf(duration: string): number | undefined {
  return duration === '' ? undefined : toMilliseconds(parseDuration(duration));
}
