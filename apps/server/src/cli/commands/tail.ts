import { toMilliseconds } from '@querator/core';
import { formatTimestamp, type StorageItem, storageEndpoints } from '@querator/protocol';
import { type Command, InvalidArgumentError } from 'commander';
import { visibleLine } from '../../observability/visible-text.ts';
import type { Cli } from '../cli.ts';
import { attempt, usageError } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';
import { duration } from '../flags.ts';
import { payloadText } from '../payload-text.ts';
import { PartitionTail } from '../tail/partition-tail.ts';

interface TailFlags {
  readonly interval: string;
  readonly sample: number;
  readonly limit: number;
  readonly json: boolean;
}

const PREFIX = 'failed to follow queue';
const SHORTEST_INTERVAL_MS = 200;
/** The most partitions of a look. A queue with more is looked at by turns. */
const MOST_PARTITIONS = 16;

/** `querator tail <queue>` */
export function addTail(program: Command, cli: Cli): void {
  program
    .command('tail')
    .description('print a sample of the items that enter a queue, until Ctrl-C')
    .argument('<queue>', 'its name')
    .option('--interval <duration>', 'the time between two looks, at least 200ms', '1s')
    .option('--sample <n>', 'how many items of a look are printed at most, 1 to 1000', count(1_000), 20)
    .option(
      '--limit <n>',
      'end after this number of items (default: no end)',
      count(Number.MAX_SAFE_INTEGER),
      0,
    )
    .option('--json', 'print each item as a line of JSON', false)
    .action((queueName: string, flags: TailFlags) => run(cli, queueName, flags));
}

function count(most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[0-9]+$/.test(text) && value >= 1 && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? 'from 1 on' : `from 1 to ${most}`;
    throw new InvalidArgumentError(`It is not a whole number ${range}.`);
  };
}

async function run(cli: Cli, queueName: string, flags: TailFlags): Promise<void> {
  const { sample, limit, json } = flags;
  const intervalMs = toMilliseconds(duration('interval', flags.interval));
  if (intervalMs < SHORTEST_INTERVAL_MS) throw usageError('--interval must be at least 200ms');
  const signal = cli.interrupted();
  const options = { signal };
  const tails = await attempt(PREFIX, () => startTails(cli, queueName, options));
  cli.output.say(
    `Follows ${tails.length} partition(s) of queue '${queueName}'. Items that come and go between two looks are not seen`,
  );
  let printed = 0;
  const total = new LeftOut();
  while (!signal.aborted && (limit === 0 || printed < limit)) {
    await cli.io.sleep(intervalMs, signal);
    if (signal.aborted) break;
    // Those of this turn go to the end, so that each has its turn.
    const turn = tails.splice(0, MOST_PARTITIONS);
    tails.push(...turn);
    const share = Math.max(Math.floor(sample / turn.length), 1);
    const found = await attempt(PREFIX, () => Promise.all(turn.map((tail) => tail.look(share, options))));
    const all = found.flatMap(({ items }, n) =>
      items.map((item) => [turn[n]?.partition ?? 0, item] as const),
    );
    const items = all.slice(0, limit === 0 ? undefined : limit - printed);
    for (const [partition, item] of items) {
      if (json) await cli.output.line({ partition, ...jsonOf(item) });
      else await cli.output.data(lineOf(partition, item));
    }
    printed += items.length;
    const leftOut = new LeftOut();
    for (const look of found) leftOut.add(look.leftOut, look.isMore);
    total.add(leftOut.items + all.length - items.length, leftOut.isMore);
    if (leftOut.items === 0) continue;
    if (json) await cli.output.line({ left_out: leftOut.items, or_more: leftOut.isMore });
    cli.output.say(`… left out ${leftOut}`);
  }
  cli.output.say(`Printed ${printed} item(s), left out ${total}`);
  if (signal.aborted) cli.exitCode = EXIT.interrupted;
}

/** Items that are not printed. */
class LeftOut {
  items = 0;
  /** Whether there are more that were not counted. */
  isMore = false;

  add(items: number, isMore = false): void {
    this.items += items;
    this.isMore ||= isMore;
  }

  toString(): string {
    return `${this.isMore ? 'at least ' : ''}${this.items} item(s)`;
  }
}

async function startTails(
  cli: Cli,
  queueName: string,
  options: { readonly signal: AbortSignal },
): Promise<PartitionTail[]> {
  const client = cli.client();
  const { partitions } = await client.v2.queues.describe({ queueName }, options);
  const tails = partitions.map(({ partition }) => new PartitionTail(client, queueName, partition));
  // One after the other: a queue may have a thousand.
  for (const tail of tails) await tail.start(options);
  return tails;
}

/** An item as the API writes it. */
function jsonOf(item: StorageItem): object {
  const page = storageEndpoints.itemsList.response.toJson({ items: [item] });
  return JSON.parse(Buffer.from(page).toString()).items[0];
}

/** The most characters of a text in a line. */
const MOST_CHARACTERS = 60;

function lineOf(partition: number, item: StorageItem): string {
  const { id, createdAt, attempts, kind, reference, payload } = item;
  const created = createdAt === undefined ? '-' : formatTimestamp(createdAt);
  const texts = [kind || '-', reference || '-', payloadText(payload) || '-'].map((text) => {
    const visible = visibleLine(text);
    return visible.length > MOST_CHARACTERS ? `${visible.slice(0, MOST_CHARACTERS - 1)}…` : visible;
  });
  return `${[created, String(partition), id, String(attempts), ...texts].join('  ')}\n`;
}
