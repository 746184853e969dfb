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
import { InFlight } from '../logical/in-flight.ts';

/** What a watch works with. */
export interface SettingsWatchDeps {
  readonly engine: EngineDeps;
  readonly store: QueueStore;
  /** Word from other processes about queues; absent: there is no way for it. */
  readonly signals: StorageSignals | undefined;
  /** The queues at work in this process, as it knows them. */
  readonly running: () => readonly Queue[];
  /** Reads a queue anew. Never rejects. */
  readonly refresh: (name: string) => Promise<void>;
}

/** While others are heard, looking is only for what they failed to say. */
const LISTENING_FACTOR = 10;
/** Looks take at most one part in so many of the time. */
const SHARE = 20;

/**
 * Notices what other processes do to the queues at work in this one: changed
 * settings, deletion, a new queue under an old name. They say so where they
 * can; and one call now and then compares all of them.
 */
export class SettingsWatch {
  readonly #deps: SettingsWatchDeps;
  readonly #looks = new InFlight();
  readonly #listeners = new Map<string, () => void>();
  #cancelTick: CancelTimer | undefined;
  #lookedAt: Instant;
  #intervalMs: number;
  #stopped = false;

  constructor(deps: SettingsWatchDeps) {
    this.#deps = deps;
    this.#lookedAt = deps.engine.clock.now();
    this.#intervalMs = deps.engine.limits.pollMs;
  }

  /** The queue is at work here from now on. */
  add(name: string): void {
    this.remove(name);
    const { signals, refresh } = this.#deps;
    const stop = signals?.watch(topicOf(name), () => void this.#looks.run(() => refresh(name)));
    if (stop !== undefined) this.#listeners.set(name, stop);
    this.#armTick();
  }

  /** It no longer is. */
  remove(name: string): void {
    this.#listeners.get(name)?.();
    this.#listeners.delete(name);
  }

  /** This process has created, changed or deleted the queue. */
  changed(name: string): void {
    this.#deps.signals?.tell(topicOf(name));
  }

  /** Looks no more, and waits for a look under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTick?.();
    for (const name of [...this.#listeners.keys()]) this.remove(name);
    await this.#looks.settled();
  }

  #armTick(): void {
    if (this.#cancelTick !== undefined || this.#stopped || this.#deps.running().length === 0) return;
    const { clock, limits, random } = this.#deps.engine;
    const delayMs = limits.pollMs * (0.75 + random.fraction() / 2);
    this.#cancelTick = clock.startTimer(delayMs, () => {
      void this.#looks
        .run(() => this.#look())
        .finally(() => {
          this.#cancelTick = undefined;
          this.#armTick();
        });
    });
  }

  async #look(): Promise<void> {
    const { engine, store, signals, running, refresh } = this.#deps;
    const start = engine.clock.now();
    const factor = signals?.listening === true ? LISTENING_FACTOR : 1;
    // A tick comes a little earlier than planned as often as a little later.
    if (millisecondsBetween(this.#lookedAt, start) < this.#intervalMs * factor * 0.7) return;
    this.#lookedAt = start;
    const queues = running();
    try {
      const stamps = await store.stamps(queues.map(({ name }) => name));
      const tookMs = millisecondsBetween(start, engine.clock.now());
      this.#intervalMs = Math.max(engine.limits.pollMs, SHARE * tookMs);
      for (const queue of queues) if (!isSame(stamps.get(queue.name), queue)) await refresh(queue.name);
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
