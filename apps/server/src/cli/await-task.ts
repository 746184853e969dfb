import type { Client } from '@querator/client';
import type { Task } from '@querator/protocol';
import type { Cli } from './cli.ts';

/** The time between two looks at a task, in milliseconds. */
const INTERVAL_MS = 500;

/** Looks at a task until it has ended, or until Ctrl-C. On a terminal it shows how far the task is. */
export async function awaitTask(cli: Cli, { v2 }: Client, task: Task): Promise<Task> {
  const signal = cli.interrupted();
  let seen = task;
  while (seen.state === 'running' && !signal.aborted) {
    if (cli.io.isTerminal) cli.output.sayForNow(`${seen.matched} matched, ${seen.done} done`);
    await cli.io.sleep(INTERVAL_MS, signal);
    if (!signal.aborted) seen = await v2.tasks.get({ id: task.id }, { signal });
  }
  if (cli.io.isTerminal) cli.output.sayForNow('');
  return seen;
}
