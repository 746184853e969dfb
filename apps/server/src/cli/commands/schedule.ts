import { endpointsV2, formatTimestamp, type Schedule, type SchedulesListResponse } from '@querator/protocol';
import type { Command } from 'commander';
import { visibleText } from '../../observability/visible-text.ts';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { confirmDeletion, withYesFlag, type YesFlag } from '../confirm.ts';
import { timeOf, wholeNumber } from '../flags.ts';

interface SettingFlags {
  readonly cron: string;
  readonly timeZone: string;
  readonly payload: string;
  readonly encoding: string;
  readonly kind: string;
  readonly reference: string;
  readonly missed: string;
  readonly until?: string;
  /** Of `create`. */
  readonly paused?: boolean;
}

interface ListFlags {
  readonly namespace: string;
  readonly queue: string;
  readonly limit: number;
  readonly json: boolean;
}

/** The most schedules of one reply. */
const MOST_OF_A_PAGE = 100;

/** `querator schedule create|update|list|pause|resume|delete` */
export function addSchedule(program: Command, cli: Cli): void {
  const group = program.command('schedule').description('produce items at certain times');
  addSettings(group, cli, 'create', 'produce an item into a queue at each time of a cron expression');
  addSettings(group, cli, 'update', 'replace what a schedule does; it keeps its counts and its pause');
  group
    .command('list')
    .description('print the schedules of a namespace, in order of their names')
    .option('--namespace <namespace>', 'the namespace (default: that of --queue, or _system)', '')
    .option('--queue <queue>', 'only schedules of this queue', '')
    .option('--limit <n>', 'how many at most', wholeNumber, 1_000)
    .option('--json', 'print them as JSON, with their items', false)
    .action(async ({ json, ...flags }: ListFlags) => {
      const namespace = await attempt('failed to list schedules', () => namespaceOf(cli, flags));
      const response = await attempt('failed to list schedules', () => listAll(cli, { ...flags, namespace }));
      if (json) await cli.output.json(endpointsV2.schedules.list.response, response);
      else await cli.output.data(tableOf(response.items));
      cli.output.say(`Found ${response.items.length} schedule(s) of namespace '${namespace || '_system'}'`);
    });
  addChange(group, cli, {
    name: 'pause',
    done: 'paused',
    does: 'let a schedule fire nothing until it is resumed',
  });
  addChange(group, cli, {
    name: 'resume',
    done: 'resumed',
    does: 'let a schedule fire again, at its next time',
  });
  addDeletion(group, cli);
}

function addDeletion(group: Command, cli: Cli): void {
  withYesFlag(
    group
      .command('delete')
      .description('delete a schedule')
      .argument('<schedule>', 'its name')
      .option('--namespace <namespace>', 'its namespace (default: _system)', ''),
  ).action(async (name: string, flags: YesFlag & { readonly namespace: string }) => {
    const prefix = 'failed to delete schedule';
    await confirmDeletion(cli, flags, { prefix, question: `Delete schedule '${name}'?` });
    const { v2 } = cli.client();
    const request = { namespace: flags.namespace, name };
    await attempt(prefix, () => v2.schedules.delete(request, { signal: cli.interrupted() }));
    cli.output.say(`Successfully deleted schedule '${name}'`);
  });
}

function addSettings(group: Command, cli: Cli, name: 'create' | 'update', does: string): void {
  const command = group
    .command(name)
    .description(does)
    .argument('<schedule>', 'its name, unique in the namespace of the queue')
    .argument('<queue>', 'the queue that gets the items')
    .requiredOption(
      '--cron <fields>',
      "minute, hour, day of the month, month, day of the week: '0 6 * * MON-FRI'",
    )
    .option('--time-zone <name>', 'the zone of these fields, such as Europe/Berlin', 'UTC')
    .option('-p, --payload <text>', 'the item', '')
    .option('--encoding <text>', 'how the payload is encoded, as free text', '')
    .option('--kind <text>', 'what kind of payload it is, as free text', '')
    .option('--reference <text>', 'any text', '')
    .option('--missed <policy>', 'what becomes of times that are late: skip, one or all', 'one')
    .option('--until <time>', 'the last moment to fire, like 2027-01-01T00:00:00Z; default: no end')
    .action(async (schedule: string, queueName: string, flags: SettingFlags) => {
      const { cron, timeZone, payload, encoding, kind, reference, missed, paused = false } = flags;
      const until = timeOf('until', flags.until);
      const item = { encoding, kind, reference, utf8: payload };
      const request = { name: schedule, queueName, cron, timeZone, missed, until, item, paused };
      const stored = await attempt(`failed to ${name} schedule`, () =>
        cli.client().v2.schedules[name](request, { signal: cli.interrupted() }),
      );
      await cli.output.json(endpointsV2.schedules[name].response, stored);
      cli.output.say(`Successfully ${name}d schedule '${schedule}'`);
    });
  if (name === 'create') command.option('--paused', 'let it fire nothing until it is resumed', false);
}

function addChange(
  group: Command,
  cli: Cli,
  { name, done, does }: { readonly name: 'pause' | 'resume'; readonly done: string; readonly does: string },
): void {
  group
    .command(name)
    .description(does)
    .argument('<schedule>', 'its name')
    .option('--namespace <namespace>', 'its namespace (default: _system)', '')
    .action(async (schedule: string, { namespace }: { readonly namespace: string }) => {
      await attempt(`failed to ${name} schedule`, () =>
        cli.client().v2.schedules[name]({ namespace, name: schedule }, { signal: cli.interrupted() }),
      );
      cli.output.say(`Successfully ${done} schedule '${schedule}'`);
    });
}

/** The namespace whose schedules are listed: that of the queue, if only a queue is named. */
async function namespaceOf(cli: Cli, { namespace, queue }: Omit<ListFlags, 'json'>): Promise<string> {
  if (namespace !== '' || queue === '') return namespace;
  const info = await cli.client().queues.info({ queueName: queue }, { signal: cli.interrupted() });
  return info.namespace;
}

/** Reads page after page. */
async function listAll(
  cli: Cli,
  { namespace, queue, limit }: Omit<ListFlags, 'json'>,
): Promise<SchedulesListResponse> {
  const { v2 } = cli.client();
  const items: Schedule[] = [];
  let cursor = '';
  do {
    const asked = Math.min(limit - items.length, MOST_OF_A_PAGE);
    const request = { namespace, queueName: queue, cursor, limit: asked };
    const page = await v2.schedules.list(request, { signal: cli.interrupted() });
    items.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== '' && items.length < limit);
  return { items, cursor };
}

const COLUMNS = ['NAME', 'QUEUE', 'CRON', 'TIME ZONE', 'STATE', 'NEXT', 'FIRED', 'MISSED', 'FAILURE'];

function tableOf(schedules: readonly Schedule[]): string {
  const rows = schedules.map(({ name, queueName, cron, timeZone, state, nextAt, failure, ...counts }) => [
    ...[name, queueName, cron, timeZone, state],
    nextAt === undefined ? '-' : formatTimestamp(nextAt),
    ...[String(counts.firedCount), String(counts.missedCount), failure?.message || '-'],
  ]);
  const lines = [COLUMNS, ...rows].map((row) => row.map(visibleText));
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const padded = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return `${padded.map((line) => line.trimEnd()).join('\n')}\n`;
}
