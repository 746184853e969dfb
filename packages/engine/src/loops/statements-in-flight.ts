import { type CancelTimer, type Clock, type Instant, millisecondsBetween, RunningWork } from '@querator/core';
import type { EngineLimits } from '../engine-deps.ts';
import type { PartitionState } from '../partition/partition-state.ts';
import { isBusy, isWorthAStatement, slowAfterMs } from './batching-policy.ts';

/** A statement that was sent and has not returned. */
export interface Statement {
  readonly partition: PartitionState;
  readonly since: Instant;
  /** Items in it, or asked for with it. */
  readonly items: number;
  /** Items it will write, as far as is known. */
  readonly written: number;
  readonly slowAfterMs: number;
  /** Whether `onSlow` was called. */
  isSlow: boolean;
  cancelTimer: CancelTimer;
}

type StatementLimits = Pick<EngineLimits, 'statementsInFlight' | 'slowMs' | 'slowItemMs'>;

/**
 * The statements of one kind in flight on each partition, and whether a
 * partition takes another one. A partition with a slow statement takes none:
 * the next statement would wait too, and another partition may serve.
 */
export class StatementsInFlight {
  readonly #clock: Clock;
  readonly #limits: StatementLimits;
  readonly #byPartition = new Map<PartitionState, Set<Statement>>();
  readonly #running = new RunningWork();
  #slow = 0;

  constructor(clock: Clock, limits: StatementLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Whether any statement is in flight. */
  get any(): boolean {
    return this.#running.any;
  }

  /** Whether any statement is slow. */
  get anySlow(): boolean {
    return this.#slow > 0;
  }

  /** Whether a statement is in flight on the partition. */
  has(partition: PartitionState): boolean {
    return this.#byPartition.has(partition);
  }

  /** Whether the partition takes no further statement now. */
  isFull(partition: PartitionState): boolean {
    return this.isFullFor(Number.POSITIVE_INFINITY, partition);
  }

  /** Whether the partition takes no further statement now, or none for so few items. */
  isFullFor(items: number, partition: PartitionState): boolean {
    const statements = this.#byPartition.get(partition);
    if (statements === undefined) return false;
    if (statements.size >= this.#limits.statementsInFlight) return true;
    let itemsInFlight = 0;
    let written = 0;
    const now = this.#clock.now();
    for (const statement of statements) {
      if (this.#isSlow(statement, now)) return true;
      itemsInFlight += statement.items;
      written += statement.written;
    }
    return (
      isBusy(statements.size, written) ||
      !isWorthAStatement(items, { statements: statements.size, items: itemsInFlight })
    );
  }

  /**
   * A statement is sent.
   *
   * @param items in it, or asked for with it.
   * @param written how many items it will write, as far as is known.
   * @param onSlow called once, when it turns out to be slow before `returned` or `end`.
   */
  start(
    partition: PartitionState,
    { items, written = items }: { readonly items: number; readonly written?: number },
    onSlow: () => void,
  ): Statement {
    const afterMs = slowAfterMs(written, this.#limits);
    const statement: Statement = {
      partition,
      since: this.#clock.now(),
      items,
      written,
      slowAfterMs: afterMs,
      isSlow: false,
      cancelTimer: this.#clock.startTimer(afterMs, () => {
        statement.isSlow = true;
        this.#slow++;
        onSlow();
      }),
    };
    const statements = this.#byPartition.get(partition);
    if (statements === undefined) this.#byPartition.set(partition, new Set([statement]));
    else statements.add(statement);
    this.#running.begin();
    return statement;
  }

  /** The statement returned; its items are not all distributed or released yet. From now on it does not become slow. */
  returned(statement: Statement): void {
    statement.cancelTimer();
  }

  /** The statement has ended. */
  end(statement: Statement): void {
    statement.cancelTimer();
    if (statement.isSlow) this.#slow--;
    const statements = this.#byPartition.get(statement.partition);
    statements?.delete(statement);
    if (statements?.size === 0) this.#byPartition.delete(statement.partition);
    this.#running.end();
  }

  /** Waits until no statement is in flight. */
  idle(): Promise<void> {
    return this.#running.idle();
  }

  /** Timers may fire a little early by the clock, and late in a busy process: either one counts. */
  #isSlow(statement: Statement, now: Instant): boolean {
    return statement.isSlow || millisecondsBetween(statement.since, now) >= statement.slowAfterMs;
  }
}
