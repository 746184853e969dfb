import {
  type AuditStore,
  type Clock,
  type Logger,
  type NewAuditEvent,
  overloaded,
  RunningWork,
  SharedRun,
  serviceShutdown,
  within,
} from '@querator/core';
import type { MonotonicClock } from '../monotonic-clock.ts';
import { RefusalLimit } from './refusal-limit.ts';

/** The most events that wait for the statement in flight. */
const MOST_WAITING = 1_000;
/** How long an answer waits until the event of its call is stored, if the call has ended without it. */
const ANSWER_WAIT_MS = 1_000;
/** How long a stop waits for calls that have begun. The service has answered them before. */
const STOP_WAIT_MS = 5_000;

export interface AuditTableDeps {
  readonly store: AuditStore;
  readonly clock: Clock;
  readonly monotonicClock: MonotonicClock;
  readonly logger: Logger;
}

/**
 * Stores the events that are not part of a change. Those of concurrent calls go to
 * the store together, one statement at a time, so that refused calls take no more
 * than one connection.
 */
export class AuditTable {
  readonly #deps: AuditTableDeps;
  readonly #refusals: RefusalLimit;
  readonly #appends = new SharedRun(() => this.#appendWaiting());
  /** Calls that have begun, and whose end is not stored yet. */
  readonly #calls = new RunningWork();
  #waiting: NewAuditEvent[] = [];
  #stopped = false;

  constructor(deps: AuditTableDeps) {
    this.#deps = deps;
    this.#refusals = new RefusalLimit(deps.monotonicClock);
  }

  /** A call has begun: its end will have an event, for which a stop waits. */
  callBegins(): void {
    this.#calls.begin();
  }

  /** The event of the end of a call was stored, or could not be. Once for each `callBegins`. */
  callEnded(): void {
    this.#calls.end();
  }

  /**
   * Stores an event. It is durable when the promise is fulfilled.
   *
   * @throws QueueError `retry` if too many events wait, `failed` after the stop; StorageError.
   */
  async append(event: NewAuditEvent): Promise<void> {
    if (this.#stopped) throw serviceShutdown();
    if (this.#waiting.length >= MOST_WAITING) throw overloaded();
    this.#waiting.push(event);
    await this.#appends.start();
  }

  /**
   * Stores the event of a call that has ended: whatever happens, its outcome stays
   * the same. Fulfilled once the event is stored, and at the latest after a second.
   * Never rejects.
   */
  async appendEnd(event: NewAuditEvent): Promise<void> {
    const { clock, logger } = this.#deps;
    const storing = this.append(event).catch((error: unknown) => {
      const { callId, action, requestId } = event;
      logger.warn('an audit event could not be stored', { callId, action, requestId, err: error });
    });
    await within(clock, ANSWER_WAIT_MS, storing);
  }

  /**
   * As `appendEnd`, for a call that was refused before it began. Leaves it out if its
   * user has too many of them, and after the stop: then every call is refused, and
   * changes nothing.
   */
  async appendRefusal(event: NewAuditEvent): Promise<void> {
    if (this.#stopped) return;
    const count = this.#refusals.count(event.userId);
    if (count === 'stored') return this.appendEnd(event);
    if (count === 'left-out') return;
    const { userId, username: user } = event;
    this.#deps.logger.warn('further refused calls of this user are left out of the audit table for an hour', {
      user,
      userId,
    });
  }

  /** Waits until the calls that have begun have ended, and their events are stored. Later ones are refused. */
  async stop(): Promise<void> {
    await within(this.#deps.clock, STOP_WAIT_MS, this.#calls.idle());
    this.#stopped = true;
    while (!this.#appends.isIdle) await this.#appends.join().catch(() => {});
  }

  async #appendWaiting(): Promise<void> {
    const events = this.#waiting;
    this.#waiting = [];
    await this.#deps.store.append(events);
  }
}
