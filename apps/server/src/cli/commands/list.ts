import { queuesEndpoints } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { wholeNumber } from '../flags.ts';

/** `querator list` */
export function addList(program: Command, cli: Cli): void {
  program
    .command('list')
    .description('print the queues, in order of their names, as JSON')
    .option('--limit <n>', 'at most so many', wholeNumber, 100)
    .option('--pivot <queue>', 'start with this name, or the next greater one', '')
    .action(async ({ limit, pivot }: { readonly limit: number; readonly pivot: string }) => {
      const client = cli.client();
      const response = await attempt('failed to list queues', () =>
        client.queues.list({ limit, pivot }, { signal: cli.interrupted() }),
      );
      await cli.output.json(queuesEndpoints.list.response, response);
      cli.output.say(`Found ${response.items.length} queue(s)`);
    });
}
