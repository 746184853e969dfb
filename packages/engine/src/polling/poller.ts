import {
  addDuration,
  type CancelTimer,
  type Instant,
  milliseconds,
  millisecondsBetween,
  type PartitionKey,
  type PollResult,
  type StorageBackend,
} from '@querator/core';
import type { EngineDeps } from '../engine-options.ts';
import { InFlight } from '../waiting/in-flight.ts';
import { isLookDue, untilTickMs } from './poll-interval.ts';

/** A partition at work in this process, as the lookout sees it. */
export interface Watched {
  readonly key: PartitionKey;
  /** Whether its storage answers. */
  readonly isHealthy: () => boolean;
  /** Whether consumers wait for its items. */
  readonly isHungry: () => boolean;
  /** Another process may have put items in. */
  readonly onItems: () => void;
  /** Something comes due in so many milliseconds. */
  readonly onDue: (delayMs: number) => void;
}

/** The end that the partition holds. */
export interface Watching {
  /** This process has put items in. */
  tell(): void;
  stop(): void;
}

/** One partition, and when it was last looked at. */
interface Post {
  readonly watched: Watched;
  deadlinesLookedAt: Instant;
}

/** Deadlines matter sooner where consumers wait: what another process left may be all there is. */
const HUNGRY_DEADLINES_FACTOR = 10;
/** So many partitions are looked at for items in one call: always the same ones, which spares the driver work. */
const ITEMS_GROUP = 200;
/** The most calls for items in one interval. */
const GROUPS_PER_INTERVAL = 4;
/** So many partitions are looked at for deadlines in one call. */
const DEADLINES_GROUP = 50;
/** Looks take at most one part in so many of the time. */
const SHARE = 20;

/**
 * Finds out what other processes did to the partitions of one storage: listens
 * to them, and looks for itself now and then, at many partitions in one call.
 * What it costs does not grow with the number of consumers that wait.
 *
 * Where the driver cannot look, the partitions do so themselves.
 */
export class Lookout {
  readonly #deps: EngineDeps;
  readonly #backend: StorageBackend;
  readonly #looks = new InFlight();
  #posts: Post[] = [];
  #cancelTick: CancelTimer | undefined;
  #itemsLookedAt: Instant;
  #itemsIntervalMs: number;
  #deadlinesAllowedAt: Instant;
  #stopped = false;

  constructor(deps: EngineDeps, backend: StorageBackend) {
    this.#deps = deps;
    this.#backend = backend;
    this.#itemsIntervalMs = deps.limits.pollMs;
    this.#itemsLookedAt = deps.clock.now();
    this.#deadlinesAllowedAt = this.#itemsLookedAt;
  }

  /** Whether it sees deadlines that other processes set; if not, each partition has to sweep now and then. */
  get seesDeadlines(): boolean {
    return this.#backend.poll !== undefined;
  }

  /** Begins to look after a partition. */
  watch(watched: Watched): Watching {
    const { signals } = this.#backend;
    const post: Post = { watched, deadlinesLookedAt: this.#deps.clock.now() };
    const topic = `items/${watched.key.partition}/${watched.key.queue}`;
    this.#posts.push(post);
    const stopListening = signals?.subscribe(topic, watched.onItems);
    this.#armTick();
    return {
      tell: () => signals?.publish(topic),
      stop: () => {
        stopListening?.();
        this.#posts = this.#posts.filter((other) => other !== post);
      },
    };
  }

  /** Looks no more, and waits for a look under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTick?.();
    await this.#looks.settled();
  }

  #armTick(): void {
    if (this.#cancelTick !== undefined || this.#stopped || this.#posts.length === 0) return;
    const { limits, random, clock } = this.#deps;
    this.#cancelTick = clock.startTimer(untilTickMs(limits.pollMs, random), () => {
      void this.#looks
        .run(() => this.#tick())
        .finally(() => {
          this.#cancelTick = undefined;
          this.#armTick();
        });
    });
  }

  async #tick(): Promise<void> {
    try {
      await this.#lookForItems();
      await this.#lookForDeadlines();
    } catch (error) {
      // Whether a storage is well is found out by requests, and by what tests it once it failed.
      this.#deps.logger.debug('could not look into partitions', {
        storage: this.#backend.name,
        err: error,
      });
    }
  }

  async #lookForItems(): Promise<void> {
    const start = this.#deps.clock.now();
    const sinceMs = millisecondsBetween(this.#itemsLookedAt, start);
    if (!isLookDue(sinceMs, this.#itemsIntervalMs, this.#backend.signals?.listening)) return;
    // One that is not well would spoil the look at all others.
    const posts = this.#posts.filter(({ watched }) => watched.isHealthy());
    const groups = groupsOf(posts, ITEMS_GROUP).filter((group) =>
      group.some(({ watched }) => watched.isHungry()),
    );
    if (groups.length === 0) return;
    this.#itemsLookedAt = start;
    for (const group of groups) {
      if (this.#stopped) return;
      const polls = await this.#poll(group, false);
      group.forEach(({ watched }, n) => {
        if (polls[n]?.waiting !== false && watched.isHungry()) watched.onItems();
      });
    }
    const { clock, limits } = this.#deps;
    // The process may have slept over it: however long that was, the next look is not put off for hours.
    const pauseMs = Math.min(SHARE * millisecondsBetween(start, clock.now()), limits.sweepIdleMs);
    const spreadMs = (limits.pollMs * groups.length) / GROUPS_PER_INTERVAL;
    this.#itemsIntervalMs = Math.max(limits.pollMs, spreadMs, pauseMs);
  }

  /** One call at a time, for the partitions that have waited longest for it. */
  async #lookForDeadlines(): Promise<void> {
    const { clock, limits } = this.#deps;
    const start = clock.now();
    if (!this.seesDeadlines || start < this.#deadlinesAllowedAt) return;
    const due = this.#posts
      .map((post) => ({ post, lateMs: this.#deadlinesLateMs(post, start) }))
      .filter(({ post, lateMs }) => lateMs >= 0 && post.watched.isHealthy())
      .sort((a, b) => b.lateMs - a.lateMs)
      .slice(0, DEADLINES_GROUP)
      .map(({ post }) => post);
    if (due.length === 0) return;
    for (const post of due) post.deadlinesLookedAt = start;
    const polls = await this.#poll(due, true);
    due.forEach(({ watched }, n) => {
      const nextDueMs = polls[n]?.nextDueMs;
      if (nextDueMs !== undefined) watched.onDue(nextDueMs);
    });
    const tookMs = millisecondsBetween(start, clock.now());
    const pauseMs = Math.round(Math.min(SHARE * tookMs, limits.sweepIdleMs));
    this.#deadlinesAllowedAt = addDuration(start, milliseconds(pauseMs));
  }

  #deadlinesLateMs({ watched, deadlinesLookedAt }: Post, now: Instant): number {
    const { sweepIdleMs, pollMs } = this.#deps.limits;
    const hungryMs = Math.min(sweepIdleMs, HUNGRY_DEADLINES_FACTOR * pollMs);
    return millisecondsBetween(deadlinesLookedAt, now) - (watched.isHungry() ? hungryMs : sweepIdleMs);
  }

  /** What is there; of a driver that cannot say, nothing is known. */
  async #poll(posts: readonly Post[], deadlines: boolean): Promise<readonly (PollResult | undefined)[]> {
    const keys = posts.map(({ watched }) => watched.key);
    return (await this.#backend.poll?.(keys, { deadlines })) ?? [];
  }
}

function groupsOf<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size));
}
