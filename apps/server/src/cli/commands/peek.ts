import { endpointsV2, formatTimestamp, type ItemsItem } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';
import { filterOf } from '../filter-flags.ts';
import { wholeNumber } from '../flags.ts';
import { payloadText } from '../payload-text.ts';
import { textTable } from '../text-table.ts';

interface PeekFlags {
  readonly limit: number;
  readonly json: boolean;
}

const HEADS = ['ID', 'PARTITION', 'ATTEMPTS', 'CREATED', 'KIND', 'REFERENCE', 'BYTES', 'PAYLOAD'];

/** `querator peek <queue>` */
export function addPeek(program: Command, cli: Cli): void {
  program
    .command('peek')
    .description('print the waiting items that are next, without leasing them')
    .argument('<queue>', 'its name')
    .option('--limit <n>', 'how many items at most', wholeNumber, 10)
    .option('--json', 'print JSON instead of a table, with whole payloads', false)
    .action(async (queueName: string, { limit, json }: PeekFlags) => {
      const { v2 } = cli.client();
      const filter = filterOf({ state: 'waiting' });
      const items: ItemsItem[] = [];
      let cursor = '';
      let scanned = 0;
      // A page may be empty although more follow: leased items may be before the waiting ones.
      do {
        const request = { queueName, filter, cursor, limit: limit - items.length, withPayload: true };
        const page = await attempt('failed to peek', () =>
          v2.items.find(request, { signal: cli.interrupted() }),
        );
        items.push(...page.items);
        scanned += page.scanned;
        cursor = page.cursor;
      } while (cursor !== '' && items.length < limit);
      if (json) await cli.output.json(endpointsV2.items.find.response, { items, cursor, scanned });
      else await cli.output.data(textTable(HEADS, items.map(rowOf)));
      cli.output.say(`Found ${items.length} waiting item(s)${cursor === '' ? '' : '; there may be more'}`);
      if (items.length === 0) cli.exitCode = EXIT.nothing;
    });
}

function rowOf(item: ItemsItem): readonly string[] {
  const { id, partition, attempts, createdAt, kind, reference, payloadSize, payload } = item;
  const created = createdAt === undefined ? '' : formatTimestamp(createdAt);
  const texts = [kind, reference, String(payloadSize), payloadText(payload)];
  return [id, String(partition), String(attempts), created, ...texts];
}
