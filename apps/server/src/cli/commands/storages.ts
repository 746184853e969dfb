import { endpointsV2, type StoragesStorage } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { textTable } from '../text-table.ts';

const HEADS = ['STORAGE', 'DRIVER', 'STATE', 'SHARE', 'PARTITIONS', 'REMARKS'];

/** `querator storages list` */
export function addStorages(program: Command, cli: Cli): void {
  program
    .command('storages')
    .description('see the storages of the server')
    .command('list')
    .description('print the storages with their state, and what an operator should look at')
    .option('--json', 'print JSON instead of a table', false)
    .action(async ({ json }: { readonly json: boolean }) => {
      const response = await attempt('failed to list storages', () =>
        cli.client().v2.storages.list({}, { signal: cli.interrupted() }),
      );
      if (json) return cli.output.json(endpointsV2.storages.list.response, response);
      await cli.output.data(textTable(HEADS, response.storages.map(rowOf)));
    });
}

function rowOf(storage: StoragesStorage): string[] {
  const { name, driver, state, share, partitions, reasons, horizon, drainHolds, canBeSwitchedOff } = storage;
  const remarks = [
    ...reasons,
    ...horizon,
    ...drainHolds.map((hold) => `drains: ${hold}`),
    ...(canBeSwitchedOff ? ['drained: it can be switched off'] : []),
  ];
  return [name, driver, state, `${share} %`, String(partitions), remarks.join('; ')];
}
