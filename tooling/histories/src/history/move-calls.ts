import type { TaskCalls } from './task-calls.ts';

/** A partition of a queue. */
export interface MovingPlace {
  readonly queueName: string;
  readonly partition: number;
}

/** The calls of an operator who moves partitions, on one server. All of them throw CallFailed. */
export interface MoveCalls extends TaskCalls {
  /** Creates a task that moves a partition to another storage. @returns its id. */
  create(place: MovingPlace, storageName: string): Promise<string>;
  /** The storage that has the partition. */
  storageOf(place: MovingPlace): Promise<string>;
}
