import { formatTimestamp, type StorageItem, storageEndpoints } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { wholeNumber } from '../flags.ts';
import { type PageFlags, withPageFlags } from '../page-flags.ts';
import { payloadText } from '../payload-text.ts';
import { textTable } from '../text-table.ts';

interface ListFlags extends PageFlags {
  readonly partition: number;
  readonly scheduled: boolean;
  readonly json: boolean;
}

const HEADS = ['ID', 'STATE', 'ATTEMPTS', 'CREATED', 'AVAILABLE', 'KIND', 'REFERENCE', 'PAYLOAD'];

/** `querator items list <queue>` */
export function addListItems(items: Command, cli: Cli): void {
  const command = items
    .command('list')
    .description('print the items of a partition, in order of their ids, with their payloads')
    .argument('<queue>', 'its name')
    .option('--partition <n>', 'the partition', wholeNumber, 0)
    .option('--scheduled', 'the scheduled items (default: the waiting and the leased ones)', false)
    .option('--json', 'print JSON instead of a table', false);
  withPageFlags(command, 'id').action(async (queueName: string, flags: ListFlags) => {
    const { partition, scheduled, limit, pivot, json } = flags;
    const name = scheduled ? 'scheduledList' : 'itemsList';
    const page = await attempt('failed to list items', () =>
      cli.client().storage[name]({ queueName, partition, limit, pivot }, { signal: cli.interrupted() }),
    );
    if (json) await cli.output.json(storageEndpoints[name].response, page);
    else await cli.output.data(textTable(HEADS, page.items.map(rowOf)));
    cli.output.say(`Found ${page.items.length} item(s)`);
    const last = page.items.at(-1);
    // The server also ends a page early that is too large.
    if (last !== undefined) cli.output.say(`Go on from the last one: --pivot ${last.id}`);
  });
}

function rowOf(item: StorageItem): readonly string[] {
  const { id, isLeased, attempts, createdAt, enqueueAt, kind, reference, payload } = item;
  const times = [createdAt, enqueueAt].map((time) => (time === undefined ? '' : formatTimestamp(time)));
  const state = enqueueAt !== undefined ? 'scheduled' : isLeased ? 'leased' : 'waiting';
  return [id, state, String(attempts), ...times, kind, reference, payloadText(payload)];
}
