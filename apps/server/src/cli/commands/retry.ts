import type { CallOptions, Client } from '@querator/client';
import { endpointsV2, type ItemsFilter, type ItemsItem, type QueueItemOutcome } from '@querator/protocol';
import { type Command, InvalidArgumentError } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt, CommandError, usageError } from '../command-error.ts';
import { confirmDeletion, withYesFlag, type YesFlag } from '../confirm.ts';
import { EXIT } from '../exit-codes.ts';
import { type FilterFlags, filterOf, withFilterFlags } from '../filter-flags.ts';

interface RetryFlags extends FilterFlags, YesFlag {
  readonly limit: number;
  readonly json: boolean;
}

const PREFIX = 'failed to retry items';
/** The most items of one request. */
const MOST_OF_A_REQUEST = 1_000;
/** The most items of a command. Their ids are kept in memory until the user has answered. */
const MOST_ITEMS = 100_000;

/** `querator retry <queue>` */
export function addRetry(program: Command, cli: Cli): void {
  const command = program
    .command('retry')
    .description('end the leases of items that meet all conditions: they go back to the queue now')
    .argument('<queue>', 'its name');
  withYesFlag(withFilterFlags(command))
    .option('--limit <n>', `how many items at most, 1 to ${MOST_ITEMS}`, itemLimit, MOST_ITEMS)
    .option('--json', 'print JSON instead of a message', false)
    .action(async (queueName: string, flags: RetryFlags) => {
      const { state = 'leased', limit, json } = flags;
      if (state !== 'leased') throw usageError('--state must be leased: only leased items can be retried');
      const filter = filterOf({ ...flags, state });
      const client = cli.client();
      const options = { signal: cli.interrupted() };
      const found = await attempt(PREFIX, () => leasedItems(client, { queueName, filter, limit }, options));
      if (found.length === 0) {
        throw new CommandError(`${PREFIX}: no leased item meets the conditions`, { exitCode: EXIT.nothing });
      }
      const question = `End the leases of ${found.length} item(s) of queue '${queueName}'?`;
      await confirmDeletion(cli, flags, { prefix: PREFIX, question });
      const outcomes = await attempt(PREFIX, () => retryAll(client, queueName, found, options));
      const gone = outcomes.filter(({ code }) => code !== '').length;
      if (json) await cli.output.json(endpointsV2.items.retry.response, { items: [...outcomes] });
      cli.output.say(
        `Successfully retried ${outcomes.length - gone} item(s) of queue '${queueName}'` +
          (gone === 0 ? '' : `; the leases of ${gone} had ended meanwhile`),
      );
    });
}

function itemLimit(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MOST_ITEMS) return value;
  throw new InvalidArgumentError(`It is not a whole number from 1 to ${MOST_ITEMS}.`);
}

/** @throws CommandError if the caller may not see the ids of leased items. */
async function leasedItems(
  client: Client,
  search: { readonly queueName: string; readonly filter: ItemsFilter; readonly limit: number },
  options: CallOptions,
): Promise<readonly ItemsItem[]> {
  const items: ItemsItem[] = [];
  let cursor = '';
  do {
    const limit = Math.min(search.limit - items.length, MOST_OF_A_REQUEST);
    const page = await client.v2.items.find({ ...search, cursor, limit }, options);
    if (page.items.some(({ id }) => id === '')) {
      throw new CommandError('the ids of leased items are hidden from this caller, who lacks queue.complete');
    }
    items.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== '' && items.length < search.limit);
  return items;
}

async function retryAll(
  client: Client,
  queueName: string,
  items: readonly ItemsItem[],
  options: CallOptions,
): Promise<readonly QueueItemOutcome[]> {
  const outcomes: QueueItemOutcome[] = [];
  for (const [partition, ids] of idsByPartition(items)) {
    for (let start = 0; start < ids.length; start += MOST_OF_A_REQUEST) {
      const request = { queueName, partition, ids: ids.slice(start, start + MOST_OF_A_REQUEST) };
      outcomes.push(...(await client.v2.items.retry(request, options)).items);
    }
  }
  return outcomes;
}

function idsByPartition(items: readonly ItemsItem[]): ReadonlyMap<number, string[]> {
  const ids = new Map<number, string[]>();
  for (const { id, partition } of items) {
    const of = ids.get(partition);
    if (of === undefined) ids.set(partition, [id]);
    else of.push(id);
  }
  return ids;
}
