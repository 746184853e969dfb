import {
  type CancelTimer,
  type Instant,
  millisecondsBetween,
  type Queue,
  type QueueStamp,
  type QueueStore,
  type StorageSignals,
} from '@querator/core';
import type { EngineDeps } from '../engine-options.ts';
import { isLookDue, untilTickMs } from '../polling/poll-interval.ts';
import { InFlight } from '../waiting/in-flight.ts';

/** What a watch works with. */
export interface SettingsWatchDeps {
  readonly engine: EngineDeps;
  readonly store: QueueStore;
  /** Change notifications from other processes about queues; absent if the driver has none. */
  readonly signals: StorageSignals | undefined;
  /** The queues at work in this process, as it knows them. */
  readonly running: () => readonly Queue[];
  /** Reads a queue anew. @returns whether it is known now. Never rejects. */
  readonly refresh: (name: string) => Promise<boolean>;
}

/** Looks take at most one part in so many of the time, unless they take long themselves. */
const SHARE = 20;
/** So many intervals may lie between two looks, however long one took: it may only have waited for a connection. */
const LONGEST_PAUSE_FACTOR = 2;
/** A process in which nothing happened for so many intervals did not run: it was stopped, or its machine was. */
const ASLEEP_FACTOR = 3;

/**
 * Notices what other processes do to the queues at work in this one: changed
 * settings, deletion, a new queue under an old name. They say so where they
 * can; and one call now and then compares all of them.
 *
 * A process that slept has heard nothing meanwhile. Until it has looked it does
 * not rely on what it knows: stale settings could delete an item that the
 * current settings would keep.
 */
export class SettingsWatch {
  readonly #deps: SettingsWatchDeps;
  readonly #looks = new InFlight();
  readonly #listeners = new Map<string, () => void>();
  #cancelTick: CancelTimer | undefined;
  #ticking = false;
  #lookedAt: Instant;
  #intervalMs: number;
  /** When it was last sure that this process runs. */
  #awakeAt: Instant;
  /** How often it noticed that the process had slept, and how often when the last good look began. */
  #sleeps = 0;
  #sleepsLookedAt = 0;
  #looking: Promise<void> | undefined;
  #stopped = false;

  constructor(deps: SettingsWatchDeps) {
    this.#deps = deps;
    this.#lookedAt = deps.engine.clock.now();
    this.#awakeAt = this.#lookedAt;
    this.#intervalMs = deps.engine.limits.pollMs;
  }

  /** The queue is at work here from now on. */
  add(name: string): void {
    this.remove(name);
    const { signals, refresh } = this.#deps;
    const stop = signals?.subscribe(topicOf(name), () => void this.#looks.run(() => refresh(name)));
    if (stop !== undefined) this.#listeners.set(name, stop);
    if (!this.#ticking) this.#awakeAt = this.#deps.engine.clock.now();
    this.#armTick();
  }

  /** It no longer is. */
  remove(name: string): void {
    this.#listeners.get(name)?.();
    this.#listeners.delete(name);
  }

  /** This process has created, changed or deleted the queue. */
  changed(name: string): void {
    this.#deps.signals?.publish(topicOf(name));
  }

  /**
   * Nothing while what is known may be relied on. After this process slept, a
   * look: fulfilled with whether it came to an end. Never rejects.
   */
  untilCurrent(): Promise<boolean> | undefined {
    return this.#isDoubtful() ? this.#catchUp() : undefined;
  }

  /** Looks no more, and waits for a look under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTick?.();
    for (const name of [...this.#listeners.keys()]) this.remove(name);
    await this.#looks.settled();
  }

  #armTick(): void {
    if (this.#cancelTick !== undefined) return;
    this.#ticking = !this.#stopped && this.#deps.running().length > 0;
    if (!this.#ticking) return;
    const { clock, limits, random } = this.#deps.engine;
    // Goes on while a slow look is under way: it also tells that the process is awake.
    this.#cancelTick = clock.startTimer(untilTickMs(limits.pollMs, random), () => {
      this.#cancelTick = undefined;
      if (this.#isDoubtful() || this.#isLookDue()) void this.#lookOnce();
      this.#armTick();
    });
  }

  async #catchUp(): Promise<boolean> {
    // The first one may have begun before the sleep.
    await this.#lookOnce();
    if (this.#isDoubtful()) await this.#lookOnce();
    return !this.#isDoubtful();
  }

  #lookOnce(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#looking ??= this.#looks
      .run(() => this.#look())
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  #isDoubtful(): boolean {
    this.#noticeSleep();
    return this.#sleeps > this.#sleepsLookedAt;
  }

  /** A clock that was set counts as well: one that was set back would put off looks for long. */
  #noticeSleep(): void {
    if (!this.#ticking) return;
    const { clock, limits } = this.#deps.engine;
    const now = clock.now();
    const sinceMs = millisecondsBetween(this.#awakeAt, now);
    if (sinceMs < 0 || sinceMs > ASLEEP_FACTOR * limits.pollMs) this.#sleeps++;
    this.#awakeAt = now;
  }

  #isLookDue(): boolean {
    const { clock } = this.#deps.engine;
    const sinceMs = millisecondsBetween(this.#lookedAt, clock.now());
    return isLookDue(sinceMs, this.#intervalMs, this.#deps.signals?.listening);
  }

  async #look(): Promise<void> {
    const { engine, store, running, refresh } = this.#deps;
    const start = engine.clock.now();
    const sleeps = this.#sleeps;
    this.#lookedAt = start;
    const queues = running();
    try {
      const stamps = await store.stamps(queues.map(({ name }) => name));
      const tookMs = millisecondsBetween(start, engine.clock.now());
      const { pollMs } = engine.limits;
      this.#intervalMs = Math.max(pollMs, Math.min(SHARE * tookMs, LONGEST_PAUSE_FACTOR * pollMs));
      const changed = queues.filter((queue) => !isSame(stamps.get(queue.name), queue));
      let allKnown = true;
      for (const { name } of changed) allKnown = (await refresh(name)) && allKnown;
      if (allKnown) this.#sleepsLookedAt = sleeps;
    } catch (error) {
      engine.logger.debug('could not look what became of queues', { err: error });
    }
  }
}

/** Whether what is stored is what is known. */
export function isSame(stored: QueueStamp | undefined, known: QueueStamp): boolean {
  return stored?.createdAt === known.createdAt && stored.updatedAt === known.updatedAt;
}

function topicOf(name: string): string {
  return `queue/${name}`;
}
