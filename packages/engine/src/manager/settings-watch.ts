import {
  type CancelTimer,
  type Instant,
  millisecondsBetween,
  type Queue,
  type QueueStamp,
  type QueueStore,
  RunningWork,
  SharedRun,
  type StorageSignals,
} from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import { isPollDue, pauseMs, untilTickMs } from '../polling/poll-interval.ts';

export interface SettingsWatchDeps {
  readonly engine: EngineDeps;
  readonly store: QueueStore;
  /** Change notifications about queues from other processes. Undefined if the driver has none. */
  readonly signals: StorageSignals | undefined;
  /** Called with the name of each queue that this process has created, changed or deleted. */
  readonly changed: (name: string) => void;
  /** The active queues, as this process knows them. */
  readonly running: () => readonly Queue[];
  /** Reads a queue anew. @returns whether it succeeded. Never rejects. */
  readonly refresh: (name: string) => Promise<boolean>;
}

/** The longest pause after a poll, in poll intervals. A slow poll may only have waited for a connection. */
const LONGEST_PAUSE_FACTOR = 2;
/** After this many poll intervals without a tick, the process was suspended. */
const SUSPENDED_FACTOR = 3;

/**
 * Finds out what other processes did to the active queues: changed settings,
 * deletion, a new queue under an old name. Subscribes to change notifications,
 * and polls the stamps of all queues with one call.
 *
 * After a suspension of the process, settings are in doubt until the next poll.
 * Stale settings could delete an item that the current settings would keep.
 */
export class SettingsWatch {
  readonly #deps: SettingsWatchDeps;
  /** Polls, and refreshes after a change notification. */
  readonly #work = new RunningWork();
  readonly #polls = new SharedRun(() => this.#work.run(() => this.#poll()));
  readonly #subscriptions = new Map<string, () => void>();
  #cancelTick: CancelTimer | undefined;
  #ticking = false;
  #polledAt: Instant;
  #intervalMs: number;
  /** When the process was last known to run. */
  #awakeAt: Instant;
  /** Suspensions noticed, and their number when the last successful poll began. */
  #suspensions = 0;
  #suspensionsPolled = 0;
  #stopped = false;

  constructor(deps: SettingsWatchDeps) {
    this.#deps = deps;
    this.#polledAt = deps.engine.clock.now();
    this.#awakeAt = this.#polledAt;
    this.#intervalMs = deps.engine.limits.pollMs;
  }

  /** The queue is active from now on. */
  add(name: string): void {
    this.remove(name);
    const { signals, refresh } = this.#deps;
    const unsubscribe = signals?.subscribe(topicOf(name), () => void this.#work.run(() => refresh(name)));
    if (unsubscribe !== undefined) this.#subscriptions.set(name, unsubscribe);
    if (!this.#ticking) this.#awakeAt = this.#deps.engine.clock.now();
    this.#armTick();
  }

  /** The queue is no longer active. */
  remove(name: string): void {
    this.#subscriptions.get(name)?.();
    this.#subscriptions.delete(name);
  }

  /** Tells everybody, in this process and others, that this one has created, changed or deleted the queue. */
  changed(name: string): void {
    this.#deps.changed(name);
    this.#deps.signals?.publish(topicOf(name));
  }

  /**
   * Undefined while the known settings are current. After a suspension, a poll
   * that resolves to whether they are current now. Never rejects.
   */
  untilCurrent(): Promise<boolean> | undefined {
    return this.#isDoubtful() ? this.#catchUp() : undefined;
  }

  /** Ends the polls, and waits for a running one. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTick?.();
    for (const name of [...this.#subscriptions.keys()]) this.remove(name);
    await this.#work.idle();
  }

  #armTick(): void {
    if (this.#cancelTick !== undefined) return;
    this.#ticking = !this.#stopped && this.#deps.running().length > 0;
    if (!this.#ticking) return;
    const { clock, limits, random } = this.#deps.engine;
    // Ticks continue during a slow poll, because they also show that the process runs.
    this.#cancelTick = clock.startTimer(untilTickMs(limits.pollMs, random), () => {
      this.#cancelTick = undefined;
      if (this.#isDoubtful() || this.#isPollDue()) void this.#pollOnce();
      this.#armTick();
    });
  }

  async #catchUp(): Promise<boolean> {
    // The first poll may have begun before the suspension.
    await this.#pollOnce();
    if (this.#isDoubtful()) await this.#pollOnce();
    return !this.#isDoubtful();
  }

  #pollOnce(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return this.#polls.join();
  }

  #isDoubtful(): boolean {
    this.#noticeSuspension();
    return this.#suspensions > this.#suspensionsPolled;
  }

  /** A changed clock counts as well: a clock set back would put off polls for long. */
  #noticeSuspension(): void {
    if (!this.#ticking) return;
    const { clock, limits } = this.#deps.engine;
    const now = clock.now();
    const sinceMs = millisecondsBetween(this.#awakeAt, now);
    if (sinceMs < 0 || sinceMs > SUSPENDED_FACTOR * limits.pollMs) this.#suspensions++;
    this.#awakeAt = now;
  }

  #isPollDue(): boolean {
    const { clock } = this.#deps.engine;
    const sinceMs = millisecondsBetween(this.#polledAt, clock.now());
    return isPollDue(sinceMs, this.#intervalMs, this.#deps.signals?.listening);
  }

  async #poll(): Promise<void> {
    const { engine, store, running, refresh } = this.#deps;
    const start = engine.clock.now();
    const suspensions = this.#suspensions;
    this.#polledAt = start;
    const queues = running();
    try {
      const stamps = await store.stamps(queues.map(({ name }) => name));
      const tookMs = millisecondsBetween(start, engine.clock.now());
      const { pollMs } = engine.limits;
      this.#intervalMs = Math.max(pollMs, pauseMs(tookMs, LONGEST_PAUSE_FACTOR * pollMs));
      const changed = queues.filter((queue) => !isSame(stamps.get(queue.name), queue));
      let allKnown = true;
      for (const { name } of changed) allKnown = (await refresh(name)) && allKnown;
      if (allKnown) this.#suspensionsPolled = suspensions;
    } catch (error) {
      engine.logger.debug('could not poll the settings of queues', { err: error });
    }
  }
}

/** Whether the stored queue is the known one, with the known settings. */
export function isSame(stored: QueueStamp | undefined, known: QueueStamp): boolean {
  return stored?.createdAt === known.createdAt && stored.updatedAt === known.updatedAt;
}

function topicOf(name: string): string {
  return `queue/${name}`;
}
