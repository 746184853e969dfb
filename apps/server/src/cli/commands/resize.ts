import type { Task } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { wholeNumber } from '../flags.ts';

interface ResizeFlags {
  readonly dryRun: boolean;
  readonly json: boolean;
}

/**
 * `querator task resize`
 *
 * @param group the command `task`.
 * @param print prints the created task.
 */
export function addResize(
  group: Command,
  cli: Cli,
  print: (task: Task, flags: { readonly json: boolean }) => Promise<void>,
): void {
  group
    .command('resize')
    .description('give a queue more partitions, or fewer, while producers and consumers work')
    .argument('<queue>', 'its name')
    .argument('<partitions>', 'the number of partitions that it is to have', wholeNumber)
    .option(
      '--dry-run',
      'only count the partitions that it would get, or the items in those that it would lose',
      false,
    )
    .option('--json', 'print JSON instead of a table', false)
    .action(async (queueName: string, partitions: number, { dryRun, json }: ResizeFlags) => {
      const { v2 } = cli.client();
      const task = await attempt('failed to create task', () =>
        v2.queues.resize({ queueName, partitions, dryRun }, { signal: cli.interrupted() }),
      );
      await print(task, { json });
      cli.output.say(`Successfully created task '${task.id}'`);
    });
}
