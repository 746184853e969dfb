import { call } from './call.ts';
import type { Time } from './types.ts';

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
  readonly filter?: object;
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

/** The fields of `tasks.create`. */
export interface TaskRequest {
  readonly kind: 'delete' | 'redrive' | 'move' | 'move_partition' | 'drain' | 'rebalance' | 'resize';
  readonly queue_name?: string;
  readonly filter?: object;
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
