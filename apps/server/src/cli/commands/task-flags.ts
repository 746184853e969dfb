import type { Task } from '@querator/protocol';
import type { Command } from 'commander';

/** The flags of commands that print a task which may still run. */
export interface TaskFlags {
  readonly json: boolean;
  readonly wait: boolean;
}

/** How a command that creates a task ends. */
export interface TaskCreation {
  /** Tells that the task was created, and prints it. */
  readonly created: (task: Task, flags: TaskFlags) => Promise<void>;
  /** Adds the flags that `created` takes. */
  readonly withWait: (command: Command) => Command;
}
