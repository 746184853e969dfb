import { codecsV2, endpointsV2, type ItemsItem, type QueueItemOutcome } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt, CommandError } from '../command-error.ts';
import { confirmDeletion, withYesFlag, type YesFlag } from '../confirm.ts';
import { wholeNumber } from '../flags.ts';
import { lineBatches } from '../line-batches.ts';
import { exitCodeOfOutcomes } from '../outcome-exit-code.ts';
import { readInput } from '../read-input.ts';
import { textTable } from '../text-table.ts';
import { addListItems } from './list-items.ts';

interface IdsFlags extends YesFlag {
  readonly partition: number;
  readonly json: boolean;
}

/** Items that one request of an import carries. */
const IMPORT_BATCH = { lines: 1_000, bytes: 16_000_000, bytesPerLine: 1 };
const EXPORT_PAGE = 1_000;

/** `querator items retry | delete | list | export | import` */
export function addItems(program: Command, cli: Cli): void {
  const items = program.command('items').description('change, list, export and import the items of a queue');
  addIds(items, cli, 'retry', 'end the leases of items: they go back to the queue now');
  addIds(items, cli, 'delete', 'delete items in whatever state');
  addListItems(items, cli);
  items
    .command('export')
    .description('print all items of a queue with everything that they have, one line of JSON each')
    .argument('<queue>', 'its name')
    .action((queueName: string) => exportItems(cli, queueName));
  items
    .command('import')
    .description('add the items that an export printed, under new ids')
    .argument('<queue>', 'its name')
    .option('--file <file>', 'a file with a line for each item; "-": standard input', '-')
    .option('--partition <n>', 'put all items there (default: where they were)', wholeNumber)
    .action((queueName: string, flags: { readonly file: string; readonly partition?: number }) =>
      importItems(cli, queueName, flags),
    );
}

function addIds(items: Command, cli: Cli, verb: 'retry' | 'delete', description: string): void {
  const command = items
    .command(verb)
    .description(description)
    .argument('<queue>', 'its name')
    .argument('<id...>', '1 to 1,000 ids')
    .option('--partition <n>', 'the partition of the items', wholeNumber, 0)
    .option('--json', 'print JSON instead of a table', false);
  const asks = verb === 'delete';
  (asks ? withYesFlag(command) : command).action(
    async (queueName: string, ids: string[], { partition, json, ...flags }: IdsFlags) => {
      const request = { queueName, partition, ids };
      const question = `Delete ${ids.length} item(s) of queue '${queueName}'?`;
      if (asks) await confirmDeletion(cli, flags, { prefix: 'failed to delete items', question });
      const response = await attempt(`failed to ${verb} items`, () =>
        cli.client().v2.items[verb](request, { signal: cli.interrupted() }),
      );
      if (json) await cli.output.json(endpointsV2.items[verb].response, response);
      else await cli.output.data(textTable(['ID', 'OUTCOME', 'WHY'], response.items.map(rowOf)));
      const failed = response.items.filter(({ code }) => code !== '').length;
      if (failed > 0) {
        const exitCode = exitCodeOfOutcomes(response.items);
        throw new CommandError(`failed to ${verb} ${failed} of ${ids.length} item(s)`, { exitCode });
      }
    },
  );
}

function rowOf({ id, code, message }: QueueItemOutcome): readonly string[] {
  return [id, code || 'ok', message];
}

async function exportItems(cli: Cli, queueName: string): Promise<void> {
  const { v2 } = cli.client();
  let cursor = '';
  let count = 0;
  do {
    const page = await attempt('failed to export items', () =>
      v2.items.export({ queueName, cursor, limit: EXPORT_PAGE }, { signal: cli.interrupted() }),
    );
    const lines = page.items.flatMap((item) => [codecsV2.ItemsItem.toJson(item), NEW_LINE]);
    if (lines.length > 0) await cli.output.data(Buffer.concat(lines));
    count += page.items.length;
    cursor = page.cursor;
  } while (cursor !== '');
  cli.output.say(`Exported ${count} item(s)`);
}

const NEW_LINE = Buffer.from('\n');

async function importItems(
  cli: Cli,
  queueName: string,
  { file, partition }: { readonly file: string; readonly partition?: number },
): Promise<void> {
  const { v2 } = cli.client();
  let line = 0;
  let imported = 0;
  let duplicates = 0;
  for await (const lines of lineBatches(readInput(cli, file), IMPORT_BATCH)) {
    const items = lines.map((bytes, n) => itemOf(bytes, line + n + 1));
    const placed = partition === undefined ? items : items.map((item) => ({ ...item, partition }));
    const { items: outcomes } = await attempt(`failed to import the items from line ${line + 1} on`, () =>
      v2.items.import({ queueName, items: placed }, { signal: cli.interrupted() }),
    );
    const failed = outcomes.findIndex(({ code }) => code !== '');
    if (failed >= 0) {
      throw new CommandError(`failed to import line ${line + failed + 1}: ${outcomes[failed]?.message}`);
    }
    duplicates += outcomes.filter(({ duplicate }) => duplicate).length;
    line += lines.length;
    imported = line - duplicates;
  }
  cli.output.say(`Imported ${imported} item(s), ${duplicates} were there`);
}

function itemOf(line: Uint8Array, number: number): ItemsItem {
  try {
    return codecsV2.ItemsItem.fromJson(line);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`line ${number} is not an item: ${reason}`, { cause: error });
  }
}
