import { call } from './call.ts';
import type { ItemsFilter } from './item.ts';
import type { Page, Time } from './types.ts';

/** Long work on many items, as far as it has come. */
export interface Task {
  readonly id: string;
  readonly kind: string;
  readonly state: 'running' | 'done' | 'cancelled' | 'failed';
  readonly queue_name?: string;
  readonly namespace?: string;
  readonly matched?: number;
  readonly done?: number;
  readonly failed?: number;
  readonly error?: string;
  readonly rate?: number;
  readonly dry_run?: boolean;
  readonly created_by?: string;
  readonly created_at?: Time;
  readonly started_at?: Time;
  readonly ended_at?: Time;
  readonly cancel_requested_at?: Time;
  readonly filter?: ItemsFilter;
  readonly to?: string;
  readonly moves?: readonly TaskMove[];
}

/** A partition that a task moves, would move, or cannot move. */
export interface TaskMove {
  readonly queue_name: string;
  readonly partition?: number;
  readonly from?: string;
  readonly to?: string;
  readonly items?: number;
  readonly task_id?: string;
  readonly error?: string;
}

/** What a task can do. */
export const TASK_KINDS = [
  'delete',
  'retry',
  'redrive',
  'move',
  'move_partition',
  'drain',
  'rebalance',
  'resize',
] as const;

/** The fields of `tasks.create`. */
export interface TaskRequest {
  readonly kind: (typeof TASK_KINDS)[number];
  readonly queue_name?: string;
  readonly filter?: ItemsFilter;
  readonly to?: string;
  readonly rate?: number;
  readonly partition?: number;
  readonly storage_name?: string;
  readonly force?: boolean;
  readonly at_once?: number;
  readonly partitions?: number;
}

export const createTask = (request: TaskRequest & { readonly dry_run?: boolean }): Promise<Task> =>
  call('v2/tasks.create', request);

export const getTask = (id: string, signal?: AbortSignal): Promise<Task> =>
  call('v2/tasks.get', { id }, { signal });

export const cancelTask = (id: string): Promise<Task> => call('v2/tasks.cancel', { id });

/** Which tasks to list. */
interface TasksRequest {
  readonly state?: string | undefined;
  readonly kind?: string | undefined;
  readonly queue_name?: string | undefined;
  /** Tasks that only count: `without` them, or `only` these. */
  readonly dry_runs?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** Lists tasks, the newest first. */
export const listTasks = (request: TasksRequest, signal: AbortSignal): Promise<Page<Task>> =>
  call('v2/tasks.list', request, { signal });
