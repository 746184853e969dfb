import { call } from './call.ts';
import type { Page, Time } from './types.ts';

/** The item that a schedule produces. */
export interface ScheduledItem {
  readonly encoding?: string;
  readonly kind?: string;
  readonly reference?: string;
  /** In base64. */
  readonly bytes?: string;
  readonly utf8?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a person sets of a schedule. */
export interface ScheduleSettings {
  readonly name: string;
  readonly queue_name: string;
  readonly cron: string;
  readonly time_zone: string;
  readonly item: ScheduledItem;
  readonly missed: string;
  readonly until?: Time;
}

/** A schedule, and what it has done. */
export interface Schedule extends ScheduleSettings {
  readonly id: string;
  readonly namespace?: string;
  readonly state: 'active' | 'paused' | 'failing' | 'ended';
  readonly next_at?: Time;
  readonly fired_at?: Time;
  readonly fired_count?: number;
  readonly missed_count?: number;
  readonly failure?: {
    readonly code?: string;
    readonly message?: string;
    readonly since?: Time;
    readonly attempts?: number;
  };
  readonly created_by?: string;
  readonly created_at?: Time;
  readonly updated_at?: Time;
}

/** Which schedules to list. */
export interface ScheduleListRequest {
  readonly namespace: string;
  readonly queue_name: string;
  readonly cursor: string;
  readonly limit: number;
}

export const listSchedules = (request: ScheduleListRequest, signal: AbortSignal): Promise<Page<Schedule>> =>
  call('v2/schedules.list', request, { signal });

/** Creates a schedule, or replaces the settings of one. */
export const saveSchedule = (settings: ScheduleSettings, isNew: boolean): Promise<Schedule> =>
  call(isNew ? 'v2/schedules.create' : 'v2/schedules.update', settings);

type OnSchedule = Pick<Schedule, 'namespace' | 'name'>;

export const pauseSchedule = ({ namespace = '', name }: OnSchedule): Promise<Schedule> =>
  call('v2/schedules.pause', { namespace, name });

export const resumeSchedule = ({ namespace = '', name }: OnSchedule): Promise<Schedule> =>
  call('v2/schedules.resume', { namespace, name });

export const deleteSchedule = ({ namespace = '', name }: OnSchedule): Promise<unknown> =>
  call('v2/schedules.delete', { namespace, name });
