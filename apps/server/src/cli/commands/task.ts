import { codecsV2, endpointsV2, formatTimestamp, type Task, type TaskMove } from '@querator/protocol';
import type { Command } from 'commander';
import { awaitTask } from '../await-task.ts';
import type { Cli } from '../cli.ts';
import { attempt, CommandError } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';
import { wholeNumber } from '../flags.ts';
import { textTable } from '../text-table.ts';
import { addTaskCreations } from './create-task.ts';
import type { TaskFlags } from './task-flags.ts';

interface JsonFlag {
  readonly json: boolean;
}

interface ListFlags extends JsonFlag {
  readonly namespace: string;
  readonly queue: string;
  readonly kind: string;
  readonly state: string;
  readonly dryRuns: string;
  readonly limit: number;
  readonly cursor: string;
}

/** The most tasks of one reply. */
const MOST_OF_A_PAGE = 100;
const { tasks } = endpointsV2;

/** `querator task delete-items|move-items|move-partition|drain|rebalance|resize|list|get|cancel` and `querator redrive` */
export function addTask(program: Command, cli: Cli): void {
  const group = program
    .command('task')
    .description('long work on many items, which goes on when a server stops');
  const options = () => ({ signal: cli.interrupted() });
  const withJson = (command: Command) => command.option('--json', 'print JSON instead of a table', false);
  const print = async (task: Task, { json }: JsonFlag) => {
    if (json) await cli.output.json(tasks.get.response, task);
    else {
      await cli.output.data(textTable(HEADS, [rowOf(task)]));
      if (task.moves.length > 0) await cli.output.data(`\n${textTable(MOVE_HEADS, task.moves.map(moveRow))}`);
    }
  };

  const withWait = (command: Command) =>
    withJson(command).option('--wait', 'wait until the task has ended; code 1 unless it is done', false);
  /** Prints a task, with `--wait` when it has ended. */
  const follow = async (task: Task, { json, wait }: TaskFlags) => {
    const seen = wait ? await attempt('failed to get task', () => awaitTask(cli, cli.client(), task)) : task;
    await print(seen, { json });
    if (!wait) return;
    if (cli.wasInterrupted) {
      cli.exitCode = EXIT.interrupted;
      if (seen.state === 'running') cli.output.say(`Task '${task.id}' goes on`);
    } else if (seen.state !== 'done') {
      const why = seen.error === '' ? '' : `: ${seen.error}`;
      throw new CommandError(`task '${task.id}' is ${seen.state}${why}`);
    }
  };
  const created = async (task: Task, flags: TaskFlags) => {
    const hint = task.dryRun && !flags.wait ? `; 'querator task get ${task.id} --wait' prints the count` : '';
    cli.output.say(`Successfully created task '${task.id}'${hint}`);
    await follow(task, flags);
  };

  addTaskCreations(program, group, cli, { created, withWait });

  withJson(group.command('list').description('print tasks, the newest first'))
    .option('--namespace <namespace>', 'only tasks of this namespace', '')
    .option('--queue <queue>', 'only tasks of this queue', '')
    .option('--kind <kind>', 'only tasks of this kind, such as delete', '')
    .option('--state <state>', 'running, done, cancelled, failed, or ended: any of the last three', '')
    .option('--dry-runs <which>', 'without, or only: tasks that only count', '')
    .option('--limit <n>', 'how many at most', wholeNumber, MOST_OF_A_PAGE)
    .option('--cursor <cursor>', 'go on after a page with this cursor', '')
    .action(async ({ queue, limit, json, ...flags }: ListFlags) => {
      const items: Task[] = [];
      let { cursor } = flags;
      const { v2 } = cli.client();
      do {
        const asked = Math.min(limit - items.length, MOST_OF_A_PAGE);
        const request = { ...flags, queueName: queue, cursor, limit: asked };
        const page = await attempt('failed to list tasks', () => v2.tasks.list(request, options()));
        items.push(...page.items);
        cursor = page.cursor;
      } while (cursor !== '' && items.length < limit);
      if (json) await cli.output.json(tasks.list.response, { items, cursor });
      else await cli.output.data(textTable(HEADS, items.map(rowOf)));
      cli.output.say(`Found ${items.length} task(s)`);
      if (cursor !== '') cli.output.say(`There may be more: --cursor ${cursor}`);
    });

  withWait(group.command('get').description('print a task').argument('<id>', 'its id')).action(
    async (id: string, flags: TaskFlags) => {
      const { v2 } = cli.client();
      await follow(await attempt('failed to get task', () => v2.tasks.get({ id }, options())), flags);
    },
  );

  withJson(
    group.command('cancel').description('end a task; what it has done stays done').argument('<id>', 'its id'),
  ).action(async (id: string, flags: JsonFlag) => {
    const { v2 } = cli.client();
    await print(await attempt('failed to cancel task', () => v2.tasks.cancel({ id }, options())), flags);
    cli.output.say(`Successfully asked for the end of task '${id}'`);
  });
}

const HEADS = [
  ...['ID', 'KIND', 'STATE', 'QUEUE', 'TO', 'FILTER', 'MATCHED', 'DONE', 'FAILED', 'CREATED', 'ERROR'],
];

const MOVE_HEADS = ['QUEUE', 'PARTITION', 'FROM', 'TO', 'ITEMS', 'TASK', 'ERROR'];

function moveRow({ queueName, partition, from, to, items, taskId, error }: TaskMove): readonly string[] {
  return [queueName, String(partition), from, to, items === 0 ? '' : String(items), taskId, error];
}

function rowOf(task: Task): readonly string[] {
  const { id, kind, dryRun, state, queueName, to, matched, done, failed } = task;
  const { createdAt, error, cancelRequestedAt } = task;
  const shown = state === 'running' && cancelRequestedAt !== undefined ? 'cancelling' : state;
  const created = createdAt === undefined ? '' : formatTimestamp(createdAt);
  const counts = [matched, done, failed].map(String);
  return [
    id,
    dryRun ? `${kind} (dry run)` : kind,
    shown,
    queueName,
    to,
    filterText(task),
    ...counts,
    created,
    error,
  ];
}

/** The conditions as JSON. Empty: there are none. `--json` prints those that do not fit in a cell. */
function filterText({ filter }: Task): string {
  return filter === undefined ? '' : Buffer.from(codecsV2.ItemsFilter.toJson(filter)).toString();
}
