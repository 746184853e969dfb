import {
  endpointsV2,
  formatTimestamp,
  type ItemsFilter,
  type ItemsItem,
  type ItemsRange,
  type Timestamp,
} from '@querator/protocol';
import { type Command, InvalidArgumentError } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { pointInTime, wholeNumber } from '../flags.ts';
import { textTable } from '../text-table.ts';

interface FindFlags {
  readonly state?: string;
  readonly id?: readonly string[];
  readonly firstId?: string;
  readonly sourceId?: string;
  readonly reference?: string;
  readonly kind?: string;
  readonly encoding?: string;
  readonly metadata?: ReadonlyMap<string, string>;
  readonly error?: string;
  readonly reason?: string;
  readonly createdFrom?: string;
  readonly createdTo?: string;
  readonly dueFrom?: string;
  readonly dueTo?: string;
  readonly payload?: string;
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
  program
    .command('find')
    .description('print the items of a queue that meet all conditions, or count them')
    .argument('<queue>', 'its name')
    .option('--state <state>', 'waiting, leased, scheduled, dead or moving')
    .option('--id <id>', 'with this id; may be repeated', collect)
    .option('--first-id <id>', 'with this id when it was produced')
    .option('--source-id <id>', 'with this id in the queue that a dead letter came from')
    .option('--reference <text>', 'with exactly this reference')
    .option('--kind <text>', 'with exactly this kind')
    .option('--encoding <text>', 'with exactly this encoding')
    .option('--metadata <key=value>', 'with this pair; may be repeated', pair)
    .option('--error <text>', 'with this text in the last error')
    .option('--reason <reason>', 'that died by attempts, expired, rejected or moved')
    .option('--created-from <time>', 'in the queue since then or later, in RFC 3339')
    .option('--created-to <time>', 'in the queue since before then')
    .option('--due-from <time>', 'whose next deadline is then or later')
    .option('--due-to <time>', 'whose next deadline is before then')
    .option('--payload <text>', 'with this text in the payload')
    .option('--by <text>', 'count them by reason, error or kind')
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
}

async function printGroups(
  cli: Cli,
  search: Search & { readonly by: string },
  flags: FindFlags,
): Promise<void> {
  const { v2 } = cli.client();
  const counts = new Map<string, number>();
  let { cursor } = flags;
  let others = 0;
  let scanned = 0;
  do {
    const part = await attempt('failed to count items', () =>
      v2.items.summarize({ ...search, cursor }, { signal: cli.interrupted() }),
    );
    for (const { value, count } of part.groups) counts.set(value, (counts.get(value) ?? 0) + count);
    others += part.others;
    scanned += part.scanned;
    cursor = part.cursor;
  } while (cursor !== '');
  const groups = [...counts].map(([value, count]) => ({ value, count }));
  groups.sort((a, b) => b.count - a.count);
  const { response } = endpointsV2.items.summarize;
  if (flags.json) await cli.output.json(response, { groups, others, cursor, scanned });
  else {
    const rows = groups.map(({ value, count }) => [String(count), value]);
    await cli.output.data(textTable(['COUNT', search.by.toUpperCase()], rows));
  }
  const total = groups.reduce((sum, { count }) => sum + count, others);
  cli.output.say(`Counted ${total} item(s) of ${scanned} read`);
}

const HEADS = ['ID', 'PARTITION', 'STATE', 'ATTEMPTS', 'CREATED', 'KIND', 'REFERENCE', 'ERROR'];

function rowOf(item: ItemsItem): readonly string[] {
  const { id, partition, state, attempts, createdAt, kind, reference, error, source } = item;
  const created = createdAt === undefined ? '' : formatTimestamp(createdAt);
  const lastError = error || source?.error || '';
  return [id || '(leased)', String(partition), state, String(attempts), created, kind, reference, lastError];
}

function filterOf(flags: FindFlags): ItemsFilter {
  const { id = [], metadata, payload = '' } = flags;
  const { state = '', firstId = '', sourceId = '', reference = '', kind = '' } = flags;
  const { encoding = '', error = '', reason = '' } = flags;
  return {
    ...{ state, firstId, sourceId, reference, kind, encoding, error, reason },
    ids: [...id],
    metadata: new Map(metadata),
    created: rangeOf('created', flags.createdFrom, flags.createdTo),
    due: rangeOf('due', flags.dueFrom, flags.dueTo),
    payload: Buffer.from(payload),
  };
}

function rangeOf(name: string, from: string | undefined, to: string | undefined): ItemsRange | undefined {
  if (from === undefined && to === undefined) return undefined;
  return { from: timeOf(`${name}-from`, from), to: timeOf(`${name}-to`, to) };
}

function timeOf(flag: string, text: string | undefined): Timestamp | undefined {
  return text === undefined ? undefined : pointInTime(flag, text);
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function pair(text: string, before: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It is not a pair such as key=value.');
  return new Map([...before, [text.slice(0, at), text.slice(at + 1)]]);
}
