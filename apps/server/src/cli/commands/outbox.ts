import { type ListedOutboxQueue, MOST_COUNTED_ROWS, type Outbox } from '@querator/core';
import { DEFAULT_SCHEMA, installSql } from '@querator/outbox';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt, CommandError, usageError } from '../command-error.ts';
import { confirmDeletion, withYesFlag, type YesFlag } from '../confirm.ts';
import { EXIT } from '../exit-codes.ts';

interface OutboxFlags {
  readonly config?: string;
  readonly outbox?: string;
}

interface DropFlags extends OutboxFlags, YesFlag {
  readonly row?: string;
  readonly all: boolean;
}

const ROW_ID = /^[1-9]\d{0,18}$/;

/** `querator outbox sql|list|retry|drop`: for the database of an application, without a server. */
export function addOutbox(program: Command, cli: Cli): void {
  const outbox = program.command('outbox').description('items written in the transactions of an application');
  addSql(outbox, cli);
  const sub = (name: string, description: string) =>
    outbox
      .command(name)
      .description(description)
      .option('--config <file>', "the servers' YAML configuration (QUERATOR_CONFIG)")
      .option('--outbox <name>', 'one of its outboxes: a part of host/database.schema, if there are several');
  addList(sub('list', 'print the queues with rows in an outbox, as JSON'), cli);
  addRetry(sub('retry', 'try the rows of a queue again now'), cli);
  addDrop(sub('drop', 'delete rows that cannot go to their queue'), cli);
}

function addSql(outbox: Command, cli: Cli): void {
  outbox
    .command('sql')
    .description('print the SQL that makes an outbox in the database of an application')
    .option('--schema <name>', 'the schema of the outbox', DEFAULT_SCHEMA)
    .action(async ({ schema }: { readonly schema: string }) => {
      const text = await attempt('failed to print the SQL', () => installSql({ schema }));
      await cli.output.data(text);
    });
}

function addList(command: Command, cli: Cli): void {
  command.action(async (flags: OutboxFlags) => {
    const listed = await onOutboxes(cli, 'failed to list outboxes', flags, (outboxes) =>
      Promise.all(outboxes.map(async (each) => ({ outbox: each.name, queues: await allQueues(each) }))),
    );
    await cli.output.value({ outboxes: listed });
    const queues = listed.flatMap((each) => each.queues);
    const faulty = queues.filter(({ fault }) => fault !== undefined).length;
    cli.output.say(`Found ${queues.length} queue(s) with rows, of which ${faulty} cannot go`);
  });
}

function addRetry(command: Command, cli: Cli): void {
  command.argument('<queue>', 'the queue').action(async (queue: string, flags: OutboxFlags) => {
    const wasFaulty = await onOutboxes(cli, 'failed to retry', flags, (outboxes) =>
      onlyOutbox(outboxes).retry(queue),
    );
    if (!wasFaulty) throw new CommandError(`nothing prevents rows from going to queue '${queue}'`);
    cli.output.say(`The rows of queue '${queue}' are tried again`);
  });
}

function addDrop(command: Command, cli: Cli): void {
  withYesFlag(command)
    .argument('<queue>', 'the queue')
    .option('--row <id>', 'only this row')
    .option('--all', 'all rows of the queue', false)
    .action(async (queue: string, { row, all, yes, ...flags }: DropFlags) => {
      if ((row === undefined) !== all) throw usageError('required: either --row or --all');
      if (row !== undefined && !ROW_ID.test(row)) throw usageError(`--row is invalid; '${row}' is no id`);
      const question = `Delete ${row === undefined ? 'all rows' : `row ${row}`} of queue '${queue}'?`;
      await confirmDeletion(cli, { yes }, { prefix: 'failed to drop rows', question });
      const { dropped, inBatch } = await onOutboxes(cli, 'failed to drop rows', flags, (outboxes) =>
        onlyOutbox(outboxes).drop(queue, row),
      );
      if (inBatch > 0) cli.output.say(`${inBatch} row(s) are being sent, and were not dropped`);
      if (dropped === 0) {
        throw new CommandError(`no row of queue '${queue}' was dropped`, { exitCode: EXIT.nothing });
      }
      cli.output.say(`Successfully dropped ${dropped} row(s) of queue '${queue}'`);
    });
}

async function onOutboxes<T>(
  cli: Cli,
  prefix: string,
  { config, outbox }: OutboxFlags,
  work: (outboxes: readonly Outbox[]) => Promise<T>,
): Promise<T> {
  const configFile = cli.setting(config, 'QUERATOR_CONFIG');
  if (configFile === undefined) {
    throw usageError("required: --config or QUERATOR_CONFIG, the servers' configuration file");
  }
  // Loaded on demand, like the server.
  const { withOutboxes } = await import('../open-outboxes.ts');
  return attempt(prefix, () => withOutboxes({ configFile, outbox: outbox || undefined }, work));
}

function onlyOutbox(outboxes: readonly Outbox[]): Outbox {
  const [first, ...others] = outboxes;
  if (first !== undefined && others.length === 0) return first;
  const names = outboxes.map(({ name }) => `'${name}'`).join(', ');
  throw usageError(`there are several outboxes, ${names}; name one with --outbox`);
}

async function allQueues(outbox: Outbox): Promise<readonly ListedJson[]> {
  const queues: ListedJson[] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page: readonly ListedOutboxQueue[] = await outbox.list(after);
    queues.push(...page.map(toJson));
    after = page.at(-1)?.queue;
  }
  return queues;
}

type ListedJson = ReturnType<typeof toJson>;

function toJson({ queue, rows, oldestMs, fault }: ListedOutboxQueue) {
  return {
    ...{ queue, rows, ...(rows >= MOST_COUNTED_ROWS ? { more: true } : {}) },
    oldest_seconds: seconds(oldestMs),
    ...(fault && {
      fault: {
        ...{ row: fault.rowId, code: fault.code, reason: fault.reason, tries: fault.tries },
        retry_in_seconds: seconds(Math.max(fault.retryInMs, 0)),
      },
    }),
  };
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
