import {
  endpointsV2,
  formatTimestamp,
  type ItemsFilter,
  type ItemsItem,
  type Timestamp,
} from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';
import { type FilterFlags, filterOf, withFilterFlags } from '../filter-flags.ts';
import { wholeNumber } from '../flags.ts';
import { textTable } from '../text-table.ts';

interface FindFlags extends FilterFlags {
  readonly by?: string;
  readonly limit: number;
  readonly cursor: string;
  readonly withPayload: boolean;
  readonly json: boolean;
}

/** The most items of one reply. */
const MOST_OF_A_PAGE = 1_000;

/** `querator find <queue>` */
export function addFind(program: Command, cli: Cli): void {
  const command = program
    .command('find')
    .description('print the items of a queue that meet all conditions, or count them')
    .argument('<queue>', 'its name');
  withFilterFlags(command)
    .option('--by <text>', 'count them by reason, error, kind, state, source_queue or metadata.<key>')
    .option('--limit <n>', 'how many items at most', wholeNumber, 100)
    .option('--cursor <cursor>', 'go on where a search ended', '')
    .option('--with-payload', 'print payloads too (with --json)', false)
    .option('--json', 'print JSON instead of a table', false)
    .action(async (queueName: string, flags: FindFlags) => {
      const filter = filterOf(flags);
      if (flags.by === undefined) await printItems(cli, { queueName, filter }, flags);
      else await printGroups(cli, { queueName, filter, by: flags.by }, flags);
    });
}

/** The call of a command. */
interface Search {
  readonly queueName: string;
  readonly filter: ItemsFilter;
}

async function printItems(cli: Cli, search: Search, flags: FindFlags): Promise<void> {
  const { v2 } = cli.client();
  const { limit, withPayload, json } = flags;
  const items: ItemsItem[] = [];
  let { cursor } = flags;
  let scanned = 0;
  // A page may be empty although more follow.
  do {
    const asked = Math.min(limit - items.length, MOST_OF_A_PAGE);
    const request = { ...search, cursor, limit: asked, withPayload };
    const page = await attempt('failed to find items', () =>
      v2.items.find(request, { signal: cli.interrupted() }),
    );
    items.push(...page.items);
    scanned += page.scanned;
    cursor = page.cursor;
  } while (cursor !== '' && items.length < limit);
  if (json) await cli.output.json(endpointsV2.items.find.response, { items, cursor, scanned });
  else await cli.output.data(textTable(HEADS, items.map(rowOf)));
  cli.output.say(`Found ${items.length} item(s) of ${scanned} read`);
  if (cursor !== '') cli.output.say(`There may be more: --cursor ${cursor}`);
  if (items.length === 0) cli.exitCode = EXIT.nothing;
}

async function printGroups(cli: Cli, search: GroupSearch, flags: FindFlags): Promise<void> {
  const { counts, others, scanned } = await count(cli, search, flags);
  const groups = [...counts].map(([value, count]) => ({ value, count }));
  groups.sort((a, b) => b.count - a.count);
  const { response } = endpointsV2.items.summarize;
  if (flags.json) await cli.output.json(response, { groups, others, cursor: '', scanned });
  else {
    const rows = groups.map(({ value, count }) => [String(count), value]);
    await cli.output.data(textTable(['COUNT', headOf(search.by)], rows));
  }
  const total = groups.reduce((sum, { count }) => sum + count, others);
  cli.output.say(`Counted ${total} item(s) of ${scanned} read`);
  if (total === 0) cli.exitCode = EXIT.nothing;
}

/** Keys of metadata differ by case. */
function headOf(by: string): string {
  return by.startsWith('metadata.') ? by : by.toUpperCase();
}

/** How many items have each text. */
interface Counted {
  readonly counts: ReadonlyMap<string, number>;
  /** Items with texts that the server did not tell apart. */
  readonly others: number;
  readonly scanned: number;
}

type GroupSearch = Search & { readonly by: string };

async function count(cli: Cli, search: GroupSearch, { cursor: first }: FindFlags): Promise<Counted> {
  const { v2 } = cli.client();
  const counts = new Map<string, number>();
  let [cursor, others, scanned] = [first, 0, 0];
  do {
    const part = await attempt('failed to count items', () =>
      v2.items.summarize({ ...search, cursor }, { signal: cli.interrupted() }),
    );
    for (const { value, count } of part.groups) counts.set(value, (counts.get(value) ?? 0) + count);
    others += part.others;
    scanned += part.scanned;
    cursor = part.cursor;
  } while (cursor !== '');
  return { counts, others, scanned };
}

const HEADS = ['ID', 'PARTITION', 'STATE', 'ATTEMPTS', 'CREATED', 'DUE', 'KIND', 'REFERENCE', 'ERROR'];

function rowOf(item: ItemsItem): readonly string[] {
  const { id, partition, state, attempts, createdAt, kind, reference, error, source } = item;
  const lastError = error || source?.error || '';
  const times = [createdAt, dueOf(item)].map((time) => (time === undefined ? '' : formatTimestamp(time)));
  return [id || '(leased)', String(partition), state, String(attempts), ...times, kind, reference, lastError];
}

/** When the next thing happens to it by itself, as `--due-from` compares it. */
function dueOf({ state, leaseDeadline, enqueueAt, expireDeadline }: ItemsItem): Timestamp | undefined {
  if (state === 'leased') return leaseDeadline;
  return state === 'scheduled' ? enqueueAt : expireDeadline;
}
