import {
  type ClaimedSchedule,
  type ErrorReason,
  type Instant,
  instantText,
  MESSAGES,
  milliseconds,
  QueueError,
  type Schedule,
  type ScheduleState,
  type ScheduleStore,
  StorageError,
} from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import type { ScheduleEvent } from '../observer.ts';
import { parseCron } from './cron-times.ts';
import { firedState, isUnrepeatable, type NextTime, nextStep } from './schedule-steps.ts';
import type { TimeZones } from './time-zone.ts';

/** How long a firing waits for storage. */
const PRODUCE_MS = 10_000;
/** The same for a schedule that fails already, so that many of those do not keep others from firing. */
const RETRIED_PRODUCE_MS = 1_000;
/** The pause after the first failure, which doubles with each further one. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/** The item of a firing, with its dedup key. */
export interface Firing {
  readonly schedule: Schedule;
  /** The same at each repeat: `schedule/<id>/<time>`. */
  readonly dedupKey: string;
  readonly timeoutMs: number;
}

/**
 * Stores the item of a schedule under a dedup key of the longest window.
 *
 * @throws QueueError or StorageError. With the reason or the outcome `unknown` it may be stored.
 */
export type FireItem = (firing: Firing) => Promise<void>;

export interface ScheduleFiringDeps {
  readonly engine: EngineDeps;
  readonly store: Pick<ScheduleStore, 'settle'>;
  readonly zones: TimeZones;
  readonly fireItem: FireItem;
  /** Whether the process stops. A failure is none of the schedule then. */
  readonly isStopping: () => boolean;
}

/** Fires schedules that this process has claimed, each once: the row moves on only after the item is stored. */
export class ScheduleFiring {
  readonly #deps: ScheduleFiringDeps;

  constructor(deps: ScheduleFiringDeps) {
    this.#deps = deps;
  }

  /** Does the next step of a schedule, and settles its claim. Never rejects. */
  async run(claimed: ClaimedSchedule): Promise<void> {
    const { schedule } = claimed;
    try {
      // The rules for zones may differ from those of the server that stored it.
      const times = parseCron(schedule, this.#deps.zones);
      await this.#run(claimed, (after) => times.next(after));
    } catch (error) {
      await this.#failed(claimed, error, claimed.doubtSince !== undefined);
    }
  }

  async #run(claimed: ClaimedSchedule, next: NextTime): Promise<void> {
    const { schedule } = claimed;
    const step = nextStep(claimed, next);
    if (step.kind === 'pass') return this.#pass(claimed, step.state);
    try {
      await this.#deps.fireItem({
        schedule,
        dedupKey: dedupKeyOf(schedule, step.at),
        timeoutMs: schedule.state.failure === undefined ? PRODUCE_MS : RETRIED_PRODUCE_MS,
      });
    } catch (error) {
      // An earlier attempt stays in doubt, whatever became of this one.
      return this.#failed(claimed, error, claimed.doubtSince !== undefined || isUnknown(error));
    }
    const state = firedState(claimed, step.at, next);
    if (!(await this.#settle(claimed, state))) return;
    this.#count('fired', 1);
    this.#passed(claimed, state);
    const { logger } = this.#deps.engine;
    if (schedule.state.failure !== undefined) logger.info('schedule fires again', fieldsOf(schedule));
  }

  async #pass(claimed: ClaimedSchedule, state: ScheduleState): Promise<void> {
    if (!(await this.#settle(claimed, state))) return;
    this.#passed(claimed, state);
    if (!isUnrepeatable(claimed)) return;
    this.#deps.engine.logger.warn(
      'a time of a schedule is not fired again; its item may have been stored long ago',
      fieldsOf(claimed.schedule),
    );
  }

  /** Counts the times that were not fired. */
  #passed({ schedule }: ClaimedSchedule, state: ScheduleState): void {
    const missed = state.missed - schedule.state.missed;
    if (missed === 0) return;
    this.#count('missed', missed);
    this.#deps.engine.logger.info('times of a schedule were missed', { ...fieldsOf(schedule), missed });
  }

  async #failed(claimed: ClaimedSchedule, error: unknown, doubtful: boolean): Promise<void> {
    const { schedule, claimedAt } = claimed;
    // Another process takes it over at once.
    if (this.#deps.isStopping())
      return void (await this.#settle(claimed, schedule.state, { doubtful, retryMs: 0 }));
    const { code, message, retryAfterMs } = reasonOf(error);
    const { attempts = 0, since = claimedAt } = schedule.state.failure ?? {};
    const failure = { code, message, since, attempts: attempts + 1 };
    const backOffMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts, 10), LONGEST_RETRY_MS);
    const retryMs = Math.min(Math.max(retryAfterMs ?? 0, backOffMs), LONGEST_RETRY_MS);
    if (!(await this.#settle(claimed, { ...schedule.state, failure }, { doubtful, retryMs }))) return;
    this.#count('failed', 1);
    if (schedule.state.failure?.code === code && attempts > 0) return;
    this.#deps.engine.logger.warn('schedule cannot fire; it is tried again', {
      ...fieldsOf(schedule),
      reason: message,
      err: error,
    });
  }

  /** @returns whether the claim was still ours. Never rejects: a claim that is not settled ends by itself. */
  async #settle(
    { schedule, claim }: ClaimedSchedule,
    state: ScheduleState,
    { doubtful = false, retryMs }: { readonly doubtful?: boolean; readonly retryMs?: number } = {},
  ): Promise<boolean> {
    const retryAfter = retryMs === undefined ? undefined : milliseconds(retryMs);
    try {
      return await this.#deps.store.settle({ id: schedule.id, claim, state, retryAfter, doubtful });
    } catch (error) {
      this.#deps.engine.logger.debug('a firing was not recorded, and is repeated', {
        ...fieldsOf(schedule),
        err: error,
      });
      return false;
    }
  }

  #count(event: ScheduleEvent, count: number): void {
    this.#deps.engine.observer.schedules?.(event, count);
  }
}

/** The same key at each attempt to fire a time. */
function dedupKeyOf({ id }: Schedule, at: Instant): string {
  return `schedule/${id}/${instantText(at)}`;
}

function fieldsOf({ namespace, name, queueName }: Schedule) {
  return { namespace, schedule: name, queue: queueName };
}

function isUnknown(error: unknown): boolean {
  if (error instanceof QueueError) return error.reason === ('outcome_unknown' satisfies ErrorReason);
  return !(error instanceof StorageError) || error.outcome !== 'not-applied';
}

/** What operators see of an error. Details of a storage are in the log only. */
function reasonOf(error: unknown): {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
} {
  if (error instanceof QueueError) {
    const { reason = '', message, retryAfterMs } = error;
    return { code: reason, message, retryAfterMs };
  }
  const reason: ErrorReason = isUnknown(error) ? 'outcome_unknown' : 'unavailable';
  return { code: reason, message: MESSAGES.storageFailed };
}
