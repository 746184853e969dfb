import type { MakeAuditEvent } from '../audit/call-audit.ts';
import type { NewSchedule, Schedule, ScheduleSettings, ScheduleState } from '../schedule/schedule.ts';
import type { Duration } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';

/** A page of schedules in order of their names, compared as bytes. */
export interface ScheduleListRequest {
  /** Only schedules of this namespace. */
  readonly namespace: string;
  /** Only schedules of this queue. Undefined: of all. */
  readonly queueName: string | undefined;
  /** The page starts at this name, or at the next greater one. Empty: at the first schedule. */
  readonly pivot: string;
  /** The most schedules of a page; at least 1. */
  readonly limit: number;
}

/** What an update replaces. */
export interface ScheduleChange extends ScheduleSettings {
  readonly paused: boolean;
  readonly state: ScheduleState;
}

/** A schedule that this process alone may fire until its claim ends. */
export interface ClaimedSchedule {
  readonly schedule: Schedule;
  /** The number of the claim, which fences it: a later claim or update has a greater one. */
  readonly claim: number;
  readonly claimedAt: Instant;
  /**
   * When an attempt to fire the present `dueAt` began whose outcome is unknown. Undefined:
   * each earlier attempt had an answer, or there was none.
   */
  readonly doubtSince: Instant | undefined;
}

/** What a look for due schedules has found. */
export interface DueSchedules {
  readonly claimed: readonly ClaimedSchedule[];
  /**
   * How long until the next schedule is due, or the next claim of another process ends,
   * in milliseconds. Does not count what this look claimed. 0 or less: another process
   * was claiming one. Undefined: there is no other schedule.
   */
  readonly nextMs: number | undefined;
}

/** How an attempt to fire a schedule ended. */
export interface SettledSchedule {
  readonly id: string;
  /** That of the `ClaimedSchedule`. */
  readonly claim: number;
  readonly state: ScheduleState;
  /** When to try again. Undefined: at the `dueAt` of the state. */
  readonly retryAfter?: Duration | undefined;
  /** Whether the item of the present `dueAt` may have been stored. */
  readonly doubtful: boolean;
}

/**
 * Stores schedules: when to produce which item. It lives beside the queues' settings,
 * whose times of creation it knows.
 *
 * A schedule ends with its queue: once no queue with its `queueName` and
 * `queueCreatedAt` is stored, no method returns it, and its name is free.
 *
 * Contract of every driver, for all methods: calls may run concurrently, also from
 * several processes on the same storage. The first call that needs it initialises the
 * store; if that fails, the next call tries again. Each call settles within the
 * backend's time limits. A storage failure is a `StorageError`. All times are by the
 * storage's clock. If a call fails, nothing was changed, unless the outcome is
 * `unknown`. `audit` is as that of `QueueStore`.
 */
export interface ScheduleStore {
  /**
   * Adds a schedule, paused or not. It is durable when the promise is fulfilled.
   *
   * @param begin returns its first state for the time of the call. May run more than
   *   once. Its error fails the call, and no schedule is added.
   * @throws QueueError `invalid` if its namespace has a schedule of that name; `failed`
   *   with the reason `over_limit` if the namespace has `LIMITS.schedules`; `invalid`
   *   with the reason `no_such_queue` if its queue is not stored.
   */
  create(
    schedule: NewSchedule,
    begin: (now: Instant) => ScheduleState,
    audit?: MakeAuditEvent,
  ): Promise<Schedule>;

  /** Reads one page. The filters apply before the limit. */
  list(request: ScheduleListRequest): Promise<readonly Schedule[]>;

  /**
   * Changes a schedule in one step, and ends a claim of it: what its process settles
   * later has no effect. `updatedAt` becomes now.
   *
   * @param change returns what to store, for the time of the call. May run more than
   *   once. Its error fails the call, and nothing is changed. With a new `dueAt`, no
   *   attempt is in doubt any more.
   * @returns the stored schedule; undefined if the namespace has none of that name.
   */
  update(
    namespace: string,
    name: string,
    change: (stored: Schedule, now: Instant) => ScheduleChange,
    audit?: MakeAuditEvent,
  ): Promise<Schedule | undefined>;

  /** Removes a schedule. @returns whether the namespace had one of that name. */
  delete(namespace: string, name: string, audit?: MakeAuditEvent): Promise<boolean>;

  /**
   * Claims schedules whose `dueAt` has come, the longest due first, so that no other
   * process fires them until `timeout` has passed. A schedule that another process is
   * claiming is left out. Removes due schedules whose queue is gone.
   *
   * Callers repeat it for as long as they run, so it must be cheap: one statement. Before
   * the first `create` it prepares nothing for schedules.
   *
   * @param options `limit`: the most schedules to claim; at least 1.
   */
  claim(options: { readonly limit: number; readonly timeout: Duration }): Promise<DueSchedules>;

  /**
   * Stores the state of a claimed schedule, and ends the claim. `updatedAt` stays.
   *
   * @returns whether the claim was still the last one, and the schedule was not
   *   updated since. Otherwise nothing was changed.
   */
  settle(settled: SettledSchedule): Promise<boolean>;
}
