/** A schedule whose times have passed when it begins. */
export interface LateSchedule {
  /** Its name, and the payload of its items. */
  readonly name: string;
  readonly cron: string;
  readonly missed: 'skip' | 'one' | 'all';
}

/** How far a schedule has come. */
export interface ScheduleProgress {
  readonly name: string;
  /** Its next time, in milliseconds since 1970. Undefined: none. */
  readonly nextAt: number | undefined;
  readonly fired: number;
  readonly missed: number;
}

/** Calls about the schedules of the queue `timed`, on one server. All of them throw CallFailed. */
export interface ScheduleCalls {
  create(schedule: LateSchedule): Promise<void>;
  /** Replaces a schedule by itself. A server that is firing it loses its claim, and another one may fire it. */
  update(schedule: LateSchedule): Promise<void>;
  progress(): Promise<readonly ScheduleProgress[]>;
}
