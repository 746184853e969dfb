import type { TaskEnd } from './history.ts';

/** The calls by which tasks move items between queues, on one server. All but `create` throw CallFailed. */
export interface ItemMoveCalls {
  /** Creates a queue of one partition. */
  create(queueName: string): Promise<void>;
  /** Produces items under a dedup key. */
  produce(queueName: string, items: readonly string[], key: string): Promise<void>;
  /** Creates a task that moves all items. @returns its id. */
  move(queueName: string, to: string): Promise<string>;
  /** Undefined: the task runs. */
  endOf(id: string): Promise<TaskEnd | undefined>;
  /** The number of such tasks that run. */
  running(): Promise<number>;
  /** The items that wait in a queue, in their order. */
  stored(queueName: string): Promise<readonly string[]>;
}
