import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { wholeNumber } from '../flags.ts';
import type { TaskCreation, TaskFlags } from './task-flags.ts';

interface ResizeFlags extends TaskFlags {
  readonly dryRun: boolean;
  readonly move: boolean;
}

/** `querator task resize`. @param group the command `task`. */
export function addResize(group: Command, cli: Cli, { created, withWait }: TaskCreation): void {
  withWait(group.command('resize'))
    .description('give a queue more partitions, or fewer, while producers and consumers work')
    .argument('<queue>', 'its name')
    .argument('<partitions>', 'the number of partitions that it is to have', wholeNumber)
    .option(
      '--dry-run',
      'only count the partitions that it would get, or the items in those that it would lose',
      false,
    )
    .option(
      '--move',
      'move the items of partitions that leave to those that stay (default: consumers have to take them)',
      false,
    )
    .action(async (queueName: string, partitions: number, { dryRun, move, json, wait }: ResizeFlags) => {
      const { v2 } = cli.client();
      const task = await attempt('failed to create task', () =>
        v2.queues.resize({ queueName, partitions, dryRun, move }, { signal: cli.interrupted() }),
      );
      await created(task, { json, wait });
    });
}
