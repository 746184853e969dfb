import type { NewItem } from '../item/item.ts';
import type { Instant } from '../time/instant.ts';

/** What becomes of times at which no server could fire a schedule; see {@link MissedPolicy}. */
export const MISSED_POLICIES = ['skip', 'one', 'all'] as const;

/**
 * `skip`: times that are late are not fired. `one`: of the times that have passed, the
 * oldest is fired. `all`: each is fired, the oldest first, up to a limit.
 */
export type MissedPolicy = (typeof MISSED_POLICIES)[number];

/** The item that each firing produces. */
export type ScheduledItem = Omit<NewItem, 'enqueueAt'>;

/** What an operator sets on a schedule. */
export interface ScheduleSettings {
  /** Five fields: minute, hour, day of the month, month, day of the week. */
  readonly cron: string;
  /** A name of the IANA database, such as `Europe/Berlin`. */
  readonly timeZone: string;
  readonly item: ScheduledItem;
  readonly missed: MissedPolicy;
  /** Times after it do not fire. Undefined: the schedule has no end. */
  readonly until: Instant | undefined;
}

/** A schedule to be stored. */
export interface NewSchedule extends ScheduleSettings {
  /** Random. A schedule that is created anew under the same name has another one. */
  readonly id: string;
  /** That of the queue. */
  readonly namespace: string;
  /** Unique in its namespace. Visible ASCII, without quotes and backslashes. */
  readonly name: string;
  readonly queueName: string;
  /** When the queue was created. A later queue of the same name does not get the schedule. */
  readonly queueCreatedAt: Instant;
  /** The name of the user who created it. Empty: unknown. */
  readonly createdBy: string;
  /** Whether it fires nothing until it is resumed. Undefined: it fires. */
  readonly paused?: boolean | undefined;
}

/** Why a schedule could not fire. */
export interface ScheduleFailure {
  /** The stable word of the error. Empty: it has none. */
  readonly code: string;
  readonly message: string;
  /** When the first of these attempts failed. */
  readonly since: Instant;
  /** Attempts that failed in a row. */
  readonly attempts: number;
}

/** The times of a schedule with `missed: all` that passed while nothing fired. */
export interface Backlog {
  /** The last of these times is not after it. */
  readonly until: Instant;
  /** How many of them may still be fired. */
  readonly left: number;
}

/** What a schedule has done, and does next. */
export interface ScheduleState {
  /** The next time to fire. Undefined: there is none. */
  readonly dueAt: Instant | undefined;
  /** Undefined: no times are waiting. */
  readonly backlog: Backlog | undefined;
  /** The last time that was fired, as the schedule has it. Undefined: none. */
  readonly firedAt: Instant | undefined;
  /** Times that were fired. */
  readonly fired: number;
  /** Times that passed and were not fired, except those during a pause of the schedule. */
  readonly missed: number;
  /** Undefined: the last attempt succeeded, or there was none. */
  readonly failure: ScheduleFailure | undefined;
}

/** A stored schedule. */
export interface Schedule extends NewSchedule {
  readonly state: ScheduleState;
  readonly paused: boolean;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}
