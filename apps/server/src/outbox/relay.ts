import {
  type Clock,
  type Logger,
  OUTBOX_HOLD_MS,
  OUTBOX_RENEW_MS,
  type Outbox,
  type OutboxQueue,
  type Random,
  RunningWork,
  RunOnce,
} from '@querator/core';
import type { MonotonicClock } from '../monotonic-clock.ts';
import { type QueueFault, QueueFaults } from './queue-faults.ts';
import type { QueueTurns } from './queue-turn.ts';

/** The interval of polls while rows come. */
const BUSY_POLL_MS = 20;
/** The longest interval of polls: a row is found well within 100 ms of its commit. */
const IDLE_POLL_MS = 60;
const POLL_GROWTH = 1.1;
/** The interval at which a relay that does not hold the outbox tries to. */
const CONTEND_MS = 150;
/** The pause after an error of the outbox's database. */
const FAILED_MS = 500;
/** Queues whose rows move at the same time. Each holds a batch in memory. */
const MOST_TURNS = 8;
/** The same of queues whose rows could not go: each may take as long as a produce waits, and others must not wait for that. */
const MOST_TURNS_WITH_FAULT = 2;
/** Queues in one poll. The next poll goes on behind the last one. */
const QUEUES_PER_POLL = 1_000;
const TOKEN_LENGTH = 22;
const TOO_LONG_AGO = Number.NEGATIVE_INFINITY;

export interface RelayDeps {
  readonly outbox: Outbox;
  readonly turns: Pick<QueueTurns, 'run'>;
  /** The name of this server. */
  readonly server: string;
  readonly clock: Clock;
  readonly monotonicClock: MonotonicClock;
  readonly random: Random;
  readonly logger: Logger;
}

/** What a relay does, for metrics and health. */
export interface RelayState {
  readonly outbox: string;
  /** Whether this relay moves the rows. If not, another server's does, or the database cannot be reached. */
  readonly holds: boolean;
  /** Why the outbox cannot be read. Undefined: it can. */
  readonly error: string | undefined;
  readonly movedRows: number;
  readonly failedTries: number;
  /** The age of the oldest row of the last batch when it had moved, in milliseconds. Undefined: none has. */
  readonly lastDelayMs: number | undefined;
  readonly faults: ReadonlyMap<string, QueueFault>;
}

/**
 * Moves the rows of an outbox to their queues, while it holds the outbox. Of all
 * servers one does; the others wait until it ends. Two loops: one holds the outbox, and
 * one polls for queues with rows and gives each a turn.
 */
export class Relay {
  readonly #deps: RelayDeps;
  readonly #faults: QueueFaults;
  readonly #work = new RunningWork();
  readonly #abort = new AbortController();
  /** End the pauses that last. */
  readonly #pauses = new Set<() => void>();
  /** The queues that have a turn now, and whether their rows could not go before. */
  readonly #inTurn = new Map<string, boolean>();
  readonly #stopping = new RunOnce(() => this.#stop());
  /** Undefined: this relay does not hold the outbox. */
  #token: string | undefined;
  #heldAtMs = TOO_LONG_AGO;
  #pollMs = BUSY_POLL_MS;
  #after = '';
  #error: string | undefined;
  #movedRows = 0;
  #failedTries = 0;
  #lastDelayMs: number | undefined;

  constructor(deps: RelayDeps) {
    this.#deps = deps;
    this.#faults = new QueueFaults({ ...deps, outbox: deps.outbox.name });
  }

  get state(): RelayState {
    return {
      outbox: this.#deps.outbox.name,
      holds: this.#holder !== undefined,
      error: this.#error,
      movedRows: this.#movedRows,
      failedTries: this.#failedTries,
      lastDelayMs: this.#lastDelayMs,
      faults: this.#faults.all,
    };
  }

  start(): void {
    this.#repeat(() => this.#hold());
    this.#repeat(() => this.#poll());
  }

  /** Ends the turns that run, and lets another relay go on. A second call returns the promise of the first. */
  stop(): Promise<void> {
    return this.#stopping.run();
  }

  async #stop(): Promise<void> {
    const { outbox } = this.#deps;
    this.#abort.abort();
    for (const end of this.#pauses) end();
    await this.#work.idle();
    // A database that is down lets go by itself.
    if (this.#token !== undefined) await outbox.release(this.#token).catch(() => undefined);
    await outbox.close();
  }

  /** The token, if another relay cannot hold the outbox by now. */
  get #holder(): string | undefined {
    const isCertain = this.#deps.monotonicClock() - this.#heldAtMs < OUTBOX_HOLD_MS;
    return isCertain ? this.#token : undefined;
  }

  async #hold(): Promise<number> {
    const { outbox, server, random, logger, monotonicClock } = this.#deps;
    // With its old token, a turn from before another relay held the outbox could begin a batch of rows that are gone.
    const token = this.#holder ?? random.base62(TOKEN_LENGTH);
    const startedMs = monotonicClock();
    try {
      const holds = await outbox.hold({ token, server });
      this.#recovered();
      if (!holds) {
        this.#lost();
        return CONTEND_MS;
      }
      if (token !== this.#token) {
        logger.info('relay holds the outbox', { outbox: outbox.name });
        this.#after = '';
      }
      this.#token = token;
      this.#heldAtMs = startedMs;
      return OUTBOX_RENEW_MS;
    } catch (error) {
      this.#failed(error);
      return FAILED_MS;
    }
  }

  #lost(): void {
    if (this.#token === undefined) return;
    this.#token = undefined;
    this.#faults.clear();
    this.#deps.logger.info('another relay holds the outbox', { outbox: this.#deps.outbox.name });
  }

  async #poll(): Promise<number> {
    const token = this.#holder;
    if (token === undefined) return BUSY_POLL_MS;
    try {
      const queues = await this.#deps.outbox.queues(this.#after, QUEUES_PER_POLL);
      const last = queues.length < QUEUES_PER_POLL ? undefined : queues.at(-1);
      this.#after = last?.queue ?? '';
      const due = queues.filter(({ mayGo }) => mayGo);
      for (const queue of due) this.#begin(queue, token);
      this.#pollMs = due.length > 0 ? BUSY_POLL_MS : Math.min(this.#pollMs * POLL_GROWTH, IDLE_POLL_MS);
      return this.#pollMs;
    } catch (error) {
      this.#failed(error);
      return FAILED_MS;
    }
  }

  #begin(queue: OutboxQueue, token: string): void {
    const { queue: name, hasFault } = queue;
    const others = [...this.#inTurn.values()].filter((each) => each === hasFault).length;
    if (this.#inTurn.has(name) || others >= (hasFault ? MOST_TURNS_WITH_FAULT : MOST_TURNS)) return;
    this.#inTurn.set(name, hasFault);
    void this.#work.run(() => this.#takeTurns(queue, token)).finally(() => this.#inTurn.delete(name));
  }

  /** Goes on with a queue as long as its batches are full. */
  async #takeTurns(first: OutboxQueue, token: string): Promise<void> {
    const { queue } = first;
    try {
      for (let next = first; this.#holder === token && !this.#abort.signal.aborted; ) {
        const result = await this.#deps.turns.run(next, token, this.#abort.signal);
        if (result.did === 'fail') {
          this.#failedTries++;
          this.#faults.failed(queue, result.fault);
        }
        if (result.did !== 'move') return;
        this.#movedRows += result.rows;
        this.#lastDelayMs = result.delayMs;
        this.#faults.moved(queue);
        if (!result.isFull) return;
        next = { ...first, hasBatch: false };
      }
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      const fields = { outbox: this.#deps.outbox.name, queue, err: error };
      this.#deps.logger.warn('rows of an outbox could not be moved; they are tried again', fields);
      await this.#pause(FAILED_MS);
    }
  }

  /** Runs `step` now, and again after the pause that it returns. */
  #repeat(step: () => Promise<number>): void {
    if (this.#abort.signal.aborted) return;
    void this.#work
      .run(step)
      .then((pauseMs) => this.#pause(pauseMs))
      .then(() => this.#repeat(step));
  }

  /** Ends early when the relay stops. */
  #pause(ms: number): Promise<void> {
    if (this.#abort.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        this.#pauses.delete(end);
        cancel();
        resolve();
      };
      const cancel = this.#deps.clock.startTimer(ms, end);
      this.#pauses.add(end);
    });
  }

  #failed(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    const message = error instanceof Error ? error.message : String(error);
    const isNew = this.#error === undefined;
    this.#error = message;
    const fields = { outbox: this.#deps.outbox.name, err: error };
    this.#deps.logger[isNew ? 'warn' : 'debug']('outbox cannot be read; it is tried again', fields);
  }

  #recovered(): void {
    if (this.#error === undefined) return;
    this.#error = undefined;
    this.#deps.logger.info('outbox can be read again', { outbox: this.#deps.outbox.name });
  }
}
