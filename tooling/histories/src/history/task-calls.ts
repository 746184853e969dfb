import type { TaskEnd } from './history.ts';

/** The calls on tasks, on one server. All of them throw CallFailed. */
export interface TaskCalls {
  cancel(id: string): Promise<void>;
  /** Undefined: it runs. */
  endOf(id: string): Promise<TaskEnd | undefined>;
}
