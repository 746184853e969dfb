import type { ListedTable } from '@querator/core';
import { formatTimestamp, toTimestamp } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt, usageError } from '../command-error.ts';
import { confirmDeletion, withYesFlag, type YesFlag } from '../confirm.ts';
import type { StorageTables } from '../storage-tables.ts';

interface StorageFlags {
  readonly config?: string;
  readonly storage?: string;
}

/** `querator storage list|adopt|drop`: works directly on the database, for operators. */
export function addStorage(program: Command, cli: Cli): void {
  const storage = program
    .command('storage')
    .description('manage the items tables of a database, without a server');
  const sub = (name: string, description: string) =>
    storage
      .command(name)
      .description(description)
      .option('--config <file>', "the servers' YAML configuration (QUERATOR_CONFIG)")
      .option('--storage <name>', 'one of its partition storages, if there are several');
  addList(sub('list', 'print the items tables that no queue uses, as JSON'), cli);
  addAdopt(sub('adopt', 'attach a table with all its items to a queue that exists'), cli);
  addDrop(sub('drop', 'delete a table that no queue uses'), cli);
}

function addList(command: Command, cli: Cli): void {
  command
    .option('--all', 'also tables that are in use', false)
    .action(async (flags: StorageFlags & { readonly all: boolean }) => {
      const listed = await onTables(cli, 'failed to list tables', flags, async (opened) => {
        const lists = opened.map(async ({ storage, tables }) =>
          (await tables.list({ all: flags.all })).map((table) => toJson(storage, table)),
        );
        return (await Promise.all(lists)).flat();
      });
      await cli.output.value({ tables: listed });
      cli.output.say(`Found ${listed.length} table(s)${flags.all ? '' : ' that no queue uses'}`);
    });
}

function addAdopt(command: Command, cli: Cli): void {
  command
    .argument('<table>', 'its name, such as items_255436d8bdc5_000000')
    .option('--queue <queue>', 'the queue (default: the one that the table names)')
    .action(async (table: string, flags: StorageFlags & { readonly queue?: string }) => {
      const adopted = await onTables(cli, 'failed to adopt table', flags, async (opened) =>
        onlyStorage(opened).adopt(table, { queue: flags.queue || undefined }),
      );
      const { queue, partition, items, renumbered, wasOwn } = adopted;
      const did = wasOwn && renumbered === 0 ? 'is already that' : 'is now that';
      cli.output.say(
        `Table '${table}' ${did} of queue '${queue}' partition ${partition} ` +
          `(items: ${items}, of which with a new id: ${renumbered})`,
      );
    });
}

function addDrop(command: Command, cli: Cli): void {
  withYesFlag(command)
    .argument('<table>', 'its name, such as items_255436d8bdc5_000000')
    .option('--force', 'even if the table has items, or names no queue', false)
    .action(async (table: string, flags: StorageFlags & YesFlag & { readonly force: boolean }) => {
      const question = `Delete table '${table}'${flags.force ? ' with all its items' : ''}?`;
      await confirmDeletion(cli, flags, { prefix: 'failed to drop table', question });
      const { items } = await onTables(cli, 'failed to drop table', flags, async (opened) =>
        onlyStorage(opened).drop(table, { force: flags.force }),
      );
      cli.output.say(`Successfully dropped table '${table}' (items: ${items})`);
    });
}

async function onTables<T>(
  cli: Cli,
  prefix: string,
  { config, storage }: StorageFlags,
  work: (opened: readonly StorageTables[]) => Promise<T>,
): Promise<T> {
  const configFile = cli.setting(config, 'QUERATOR_CONFIG');
  if (configFile === undefined) {
    throw usageError("required: --config or QUERATOR_CONFIG, the servers' configuration file");
  }
  // Loaded on demand, like the server.
  const { withStorageTables } = await import('../storage-tables.ts');
  return attempt(prefix, () => withStorageTables({ configFile, storage: storage || undefined }, work));
}

/** Two storages may have tables with the same name, so one has to be chosen. */
function onlyStorage(opened: readonly StorageTables[]): StorageTables['tables'] {
  const [first, ...others] = opened;
  if (first !== undefined && others.length === 0) return first.tables;
  const names = opened.map(({ storage }) => `'${storage}'`).join(', ');
  throw usageError(`there are several storages, ${names}; name one with --storage`);
}

function toJson(
  storage: string,
  { table, state, queue, partition, createdAt, items, more }: ListedTable,
): object {
  return {
    storage,
    table,
    state,
    partition,
    ...(queue === undefined ? {} : { queue }),
    ...(createdAt === undefined ? {} : { created_at: formatTimestamp(toTimestamp(createdAt)) }),
    items,
    ...(more ? { more } : {}),
  };
}
