import { DEFAULT_SCHEMA, installSql } from '@querator/outbox';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';

/** `querator outbox sql`: for the database of an application. */
export function addOutbox(program: Command, cli: Cli): void {
  const outbox = program.command('outbox').description('items written in the transactions of an application');
  outbox
    .command('sql')
    .description('print the SQL that makes an outbox in the database of an application')
    .option('--schema <name>', 'the schema of the outbox', DEFAULT_SCHEMA)
    .action(async ({ schema }: { readonly schema: string }) => {
      const text = await attempt('failed to print the SQL', () => installSql({ schema }));
      await cli.output.data(text);
    });
}
