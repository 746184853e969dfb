import type { Letter, LetterTaskKind, TaskEnd } from './history.ts';

/** The calls of an operator on the dead-letter queue, on one server. All of them throw CallFailed. */
export interface LetterCalls {
  /** The letters that wait, in their order; 1,000 at most. */
  list(): Promise<readonly Letter[]>;
  /**
   * Creates a task that takes all letters.
   *
   * @param rate items a second. 0: no limit.
   * @returns its id.
   */
  create(kind: LetterTaskKind, rate: number): Promise<string>;
  cancel(id: string): Promise<void>;
  /** Undefined: it runs. */
  endOf(id: string): Promise<TaskEnd | undefined>;
  /** How many tasks run. */
  running(): Promise<number>;
}
