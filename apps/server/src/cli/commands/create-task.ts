import type { Client } from '@querator/client';
import type { ItemsFilter } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { confirmDeletion, withYesFlag, type YesFlag } from '../confirm.ts';
import { countItems } from '../count-items.ts';
import { type FilterFlags, filterOf, withFilterFlags } from '../filter-flags.ts';
import { wholeNumber } from '../flags.ts';
import { addResize } from './resize.ts';
import type { TaskCreation, TaskFlags } from './task-flags.ts';

/** What a command asks a task to do. */
interface TaskRequest {
  readonly kind: string;
  readonly queueName: string;
  readonly to?: string;
}

interface MoveFlags extends TaskFlags {
  readonly rate: number;
  readonly dryRun: boolean;
  readonly force: boolean;
}

interface CreateFlags extends FilterFlags, TaskFlags, Partial<YesFlag> {
  readonly rate: number;
  readonly dryRun: boolean;
}

/**
 * `querator task delete-items|retry|move-items|move-partition|drain|rebalance|resize` and `querator redrive`
 *
 * @param group the command `task`.
 */
export function addTaskCreations(program: Command, group: Command, cli: Cli, creation: TaskCreation): void {
  const { created, withWait } = creation;
  /** A command that creates a task on the items that meet all conditions. */
  const creates = (command: Command, request: (...names: readonly string[]) => TaskRequest) =>
    withWait(withFilterFlags(command))
      .option('--rate <n>', 'the most items a second (default: no limit)', wholeNumber, 0)
      .option('--dry-run', 'only count them', false)
      .action(async (...given: readonly unknown[]) => {
        const { rate, dryRun, json, wait, yes, ...flags } = command.opts<CreateFlags>();
        const names = given.filter((each) => typeof each === 'string');
        const asked = { ...request(...names), filter: filterOf(flags), rate, dryRun };
        const client = cli.client();
        if (asked.kind === 'delete' && !dryRun && !yes) await confirmDeletionOfItems(cli, client, asked);
        const task = await attempt('failed to create task', () =>
          client.v2.tasks.create(asked, { signal: cli.interrupted() }),
        );
        await created(task, { json, wait });
      });

  creates(
    withYesFlag(group.command('delete-items'))
      .description('delete the items of a queue that meet all conditions and are there now')
      .argument('<queue>', 'its name'),
    (queueName = '') => ({ kind: 'delete', queueName }),
  );
  creates(
    group
      .command('retry')
      .description(
        'make the scheduled items of a queue that meet all conditions available now; with --state leased, end leases',
      )
      .argument('<queue>', 'its name'),
    (queueName = '') => ({ kind: 'retry', queueName }),
  );
  creates(
    group
      .command('move-items')
      .description('move the items of a queue that meet all conditions and are there now')
      .argument('<queue>', 'its name')
      .argument('<to>', 'the queue that gets the items'),
    (queueName = '', to = '') => ({ kind: 'move', queueName, to }),
  );
  withWait(group.command('move-partition'))
    .description('move a partition to another storage, while producers and consumers work')
    .argument('<queue>', 'its name')
    .argument('<partition>', 'the number of the partition, from 0', wholeNumber)
    .argument('<storage>', 'the name of the storage that it moves to')
    .option('--force', 'also to a storage whose items do not survive a restart', false)
    .option('--rate <n>', 'the most items a second (default: no limit)', wholeNumber, 0)
    .option('--dry-run', 'only count its items', false)
    .action(async (queueName: string, partition: number, storageName: string, flags: MoveFlags) => {
      const { json, wait, ...rest } = flags;
      const asked = { kind: 'move_partition', queueName, partition, storageName, ...rest };
      const { v2 } = cli.client();
      const task = await attempt('failed to create task', () =>
        v2.tasks.create(asked, { signal: cli.interrupted() }),
      );
      await created(task, { json, wait });
    });
  addPlacing(group, cli, creation);
  addResize(group, cli, creation);
  const redrive = program
    .command('redrive')
    .description('return dead letters to the queues that they came from, as a task')
    .argument('<queue>', 'the dead-letter queue')
    .option('--to <queue>', 'to this queue instead', '');
  creates(redrive, (queueName = '') => ({
    kind: 'redrive',
    queueName,
    to: redrive.opts<{ to: string }>().to,
  }));
}

async function confirmDeletionOfItems(
  cli: Cli,
  client: Client,
  { queueName, filter }: { readonly queueName: string; readonly filter: ItemsFilter },
): Promise<void> {
  const prefix = 'failed to create task';
  const options = { signal: cli.interrupted() };
  const found = await attempt(prefix, () => countItems(client, { queueName, filter }, options));
  await confirmDeletion(
    cli,
    { yes: false },
    { prefix, question: `Delete ${found} of queue '${queueName}'?` },
  );
}

interface PlacingFlags extends TaskFlags {
  readonly atOnce: number;
  readonly rate: number;
  readonly dryRun: boolean;
}

/** `querator task drain|rebalance` */
function addPlacing(group: Command, cli: Cli, { created, withWait }: TaskCreation): void {
  const withFlags = (command: Command) =>
    withWait(command)
      .option('--at-once <n>', 'the most partitions that move at the same time, 1 to 8', wholeNumber, 2)
      .option('--rate <n>', 'the most items a second (default: no limit)', wholeNumber, 0)
      .option('--dry-run', 'only show what would move', false);
  const create = async (
    kind: string,
    { json, wait, ...asked }: PlacingFlags & { readonly storageName?: string },
  ) => {
    const { v2 } = cli.client();
    const task = await attempt('failed to create task', () =>
      v2.tasks.create({ kind, ...asked }, { signal: cli.interrupted() }),
    );
    await created(task, { json, wait });
  };
  withFlags(
    group
      .command('drain')
      .description('move all partitions of a storage to other storages, while producers and consumers work')
      .argument('<storage>', 'the name of the storage that becomes empty')
      .option('--force', 'also to storages whose items do not survive a restart', false),
  ).action((storageName: string, flags: PlacingFlags) => create('drain', { ...flags, storageName }));
  withFlags(
    group
      .command('rebalance')
      .description(
        'move partitions until each storage holds its share, by affinity and what partitions hold',
      ),
  ).action((flags: PlacingFlags) => create('rebalance', flags));
}
