import {
  addDuration,
  type CancelTimer,
  type Instant,
  milliseconds,
  millisecondsBetween,
  type PartitionKey,
  type PollResult,
  RunningWork,
  type StorageBackend,
} from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import { isPollDue, pauseMs, untilTickMs } from './poll-interval.ts';

/** An active partition, as the poller sees it. */
export interface PolledPartition {
  readonly key: PartitionKey;
  /** Whether its storage answers. */
  readonly isHealthy: () => boolean;
  /** Whether consumers wait for its items. */
  readonly hasConsumers: () => boolean;
  /** Another process may have stored items. */
  readonly onItems: () => void;
  /** A deadline is due in that many milliseconds. */
  readonly onDue: (delayMs: number) => void;
}

/** The partition's side of a poller. */
export interface Polling {
  /** Publishes that this process has stored items. */
  publish(): void;
  stop(): void;
}

interface Entry {
  readonly partition: PolledPartition;
  deadlinesPolledAt: Instant;
}

/**
 * Deadlines are polled after this many poll intervals while consumers wait. The
 * items that another process left may be the only ones.
 */
const WAITED_FOR_DEADLINES_FACTOR = 10;
/** Partitions in one poll for items. Groups stay the same, which spares the driver work. */
const ITEMS_GROUP = 200;
/** The most polls for items in one interval. */
const GROUPS_PER_INTERVAL = 4;
/** Partitions in one poll for deadlines. */
const DEADLINES_GROUP = 50;

/**
 * Finds out what other processes did to the partitions of one storage. It
 * subscribes to change notifications, and polls many partitions with one call.
 * The cost does not grow with the number of waiting consumers.
 *
 * If the driver cannot poll, each partition leases and sweeps instead.
 */
export class Poller {
  readonly #deps: EngineDeps;
  readonly #backend: StorageBackend;
  readonly #polls = new RunningWork();
  readonly #entries = new Set<Entry>();
  #cancelTick: CancelTimer | undefined;
  #itemsPolledAt: Instant;
  #itemsIntervalMs: number;
  #deadlinesAllowedAt: Instant;
  #stopped = false;

  constructor(deps: EngineDeps, backend: StorageBackend) {
    this.#deps = deps;
    this.#backend = backend;
    this.#itemsIntervalMs = deps.limits.pollMs;
    this.#itemsPolledAt = deps.clock.now();
    this.#deadlinesAllowedAt = this.#itemsPolledAt;
  }

  /** Whether it finds deadlines that other processes set. If not, each partition has to sweep periodically. */
  get findsDeadlines(): boolean {
    return this.#backend.poll !== undefined;
  }

  /** Begins to poll a partition. */
  add(partition: PolledPartition): Polling {
    const { signals } = this.#backend;
    const entry: Entry = { partition, deadlinesPolledAt: this.#deps.clock.now() };
    const topic = `items/${partition.key.partition}/${partition.key.queue}`;
    this.#entries.add(entry);
    const unsubscribe = signals?.subscribe(topic, partition.onItems);
    this.#armTick();
    return {
      publish: () => signals?.publish(topic),
      stop: () => {
        unsubscribe?.();
        this.#entries.delete(entry);
      },
    };
  }

  /** Ends the polls, and waits for a running one. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTick?.();
    await this.#polls.idle();
  }

  #armTick(): void {
    if (this.#cancelTick !== undefined || this.#stopped || this.#entries.size === 0) return;
    const { limits, random, clock } = this.#deps;
    this.#cancelTick = clock.startTimer(untilTickMs(limits.pollMs, random), () => {
      void this.#polls
        .run(() => this.#tick())
        .finally(() => {
          this.#cancelTick = undefined;
          this.#armTick();
        });
    });
  }

  async #tick(): Promise<void> {
    try {
      await this.#pollItems();
      await this.#pollDeadlines();
    } catch (error) {
      // Requests find out whether a storage fails, and probes whether it is back.
      this.#deps.logger.debug('could not poll partitions', { storage: this.#backend.name, err: error });
    }
  }

  async #pollItems(): Promise<void> {
    const start = this.#deps.clock.now();
    const sinceMs = millisecondsBetween(this.#itemsPolledAt, start);
    if (!isPollDue(sinceMs, this.#itemsIntervalMs, this.#backend.signals?.listening)) return;
    // A failing partition would fail the poll of all others.
    const entries = [...this.#entries].filter(({ partition }) => partition.isHealthy());
    if (!entries.some(({ partition }) => partition.hasConsumers())) return;
    const groups = groupsOf(entries, ITEMS_GROUP).filter((group) =>
      group.some(({ partition }) => partition.hasConsumers()),
    );
    this.#itemsPolledAt = start;
    for (const group of groups) {
      if (this.#stopped) return;
      const results = await this.#poll(group, false);
      group.forEach(({ partition }, n) => {
        if (results[n]?.waiting !== false && partition.hasConsumers()) partition.onItems();
      });
    }
    const { clock, limits } = this.#deps;
    // The time may include a sleep of the process. The limit keeps the next poll from being put off for hours.
    const restMs = pauseMs(millisecondsBetween(start, clock.now()), limits.sweepIdleMs);
    const spreadMs = (limits.pollMs * groups.length) / GROUPS_PER_INTERVAL;
    this.#itemsIntervalMs = Math.max(limits.pollMs, spreadMs, restMs);
  }

  /** Polls the deadlines of those partitions that have waited longest, in one call. */
  async #pollDeadlines(): Promise<void> {
    const { clock, limits } = this.#deps;
    const start = clock.now();
    if (!this.findsDeadlines || start < this.#deadlinesAllowedAt) return;
    const due = [...this.#entries]
      .map((entry) => ({ entry, lateMs: this.#deadlinesLateMs(entry, start) }))
      .filter(({ entry, lateMs }) => lateMs >= 0 && entry.partition.isHealthy())
      .sort((a, b) => b.lateMs - a.lateMs)
      .slice(0, DEADLINES_GROUP)
      .map(({ entry }) => entry);
    if (due.length === 0) return;
    for (const entry of due) entry.deadlinesPolledAt = start;
    const results = await this.#poll(due, true);
    due.forEach(({ partition }, n) => {
      const nextDueMs = results[n]?.nextDueMs;
      if (nextDueMs !== undefined) partition.onDue(nextDueMs);
    });
    const restMs = Math.round(pauseMs(millisecondsBetween(start, clock.now()), limits.sweepIdleMs));
    this.#deadlinesAllowedAt = addDuration(start, milliseconds(restMs));
  }

  #deadlinesLateMs({ partition, deadlinesPolledAt }: Entry, now: Instant): number {
    const { sweepIdleMs, pollMs } = this.#deps.limits;
    const waitedForMs = Math.min(sweepIdleMs, WAITED_FOR_DEADLINES_FACTOR * pollMs);
    return (
      millisecondsBetween(deadlinesPolledAt, now) - (partition.hasConsumers() ? waitedForMs : sweepIdleMs)
    );
  }

  /** The state of these partitions. Empty if the driver cannot poll. */
  async #poll(entries: readonly Entry[], deadlines: boolean): Promise<readonly (PollResult | undefined)[]> {
    const keys = entries.map(({ partition }) => partition.key);
    return (await this.#backend.poll?.(keys, { deadlines })) ?? [];
  }
}

function groupsOf<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size));
}
