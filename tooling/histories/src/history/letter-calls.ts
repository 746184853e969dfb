import type { Letter, LetterTaskKind } from './history.ts';
import type { TaskCalls } from './task-calls.ts';

/** The calls of an operator on the dead-letter queue, on one server. All of them throw CallFailed. */
export interface LetterCalls extends TaskCalls {
  /** The letters that wait, in their order; 1,000 at most. */
  list(): Promise<readonly Letter[]>;
  /**
   * Creates a task that takes all letters.
   *
   * @param rate items a second. 0: no limit.
   * @returns its id.
   */
  create(kind: LetterTaskKind, rate: number): Promise<string>;
  /** How many tasks run. */
  running(): Promise<number>;
}
