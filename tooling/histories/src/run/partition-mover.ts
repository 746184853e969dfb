import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '@querator/core/testing';
import type { MoveCalls, MovingPlace } from '../history/move-calls.ts';
import { RecordedMoves } from '../history/recorded-moves.ts';
import type { Recorder } from '../history/recorder.ts';
import { oneOf } from './one-of.ts';

/** What a mover moves, and how often. */
export interface PartitionMoverOptions {
  readonly recorder: Recorder;
  /** At each server. */
  readonly calls: readonly MoveCalls[];
  /** The partitions that move, each to and fro. */
  readonly places: readonly MovingPlace[];
  /** The names of both storages. */
  readonly storages: readonly [string, string];
  readonly random: SeededRandom;
  /** The longest pause between two moves, in milliseconds. */
  readonly pauseMs: number;
}

/** How many moves are cancelled, at any moment. */
const CANCELLED = 0.2;
const CANCEL_AFTER_MS = 400;
const LOOK_MS = 25;
/** How long a move may take: another server takes it over 5 to 9 s after a kill, and a storage may be down. */
const PATIENCE_MS = 40_000;

/** A run has at least so many moves that have ended as done. */
const LEAST_DONE = 2;
/** How often it tries to have them when it has to stop. */
const LAST_ATTEMPTS = 5;

/** An operator who moves partitions between two storages, one move at a time, and cancels some. */
export class PartitionMover {
  readonly #options: PartitionMoverOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: PartitionMoverOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
    // `stop` throws the error.
    this.#running.catch(() => {});
  }

  /** Ends, once the present move has ended, and a few have ended as done. @throws the first error that no client should get. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { recorder, calls, places, storages, random, pauseMs } = this.#options;
    const moves = new RecordedMoves(recorder, 'mover', calls);
    const { signal } = this.#stop;
    let done = 0;
    for (let last = 0; !signal.aborted || (done < LEAST_DONE && last < LAST_ATTEMPTS); ) {
      if (signal.aborted) last++;
      await delay(random.fraction() * pauseMs, undefined, { signal }).catch(() => {});
      const place = oneOf(places, random);
      const isCancelled = !signal.aborted && random.fraction() < CANCELLED;
      const cancelAfterMs = isCancelled ? random.fraction() * CANCEL_AFTER_MS : undefined;
      const from = await moves.storageOf(place);
      if (from === undefined) continue;
      const to = from === storages[0] ? storages[1] : storages[0];
      const end = await moves.run(place, to, { cancelAfterMs, lookMs: LOOK_MS, patienceMs: PATIENCE_MS });
      if (end?.state === 'done') done++;
    }
  }
}
