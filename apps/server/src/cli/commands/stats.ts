import { queueEndpoints } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';

/** `querator stats <queue>` */
export function addStats(program: Command, cli: Cli): void {
  program
    .command('stats')
    .description('print what a queue holds and is doing, as JSON')
    .argument('<queue>', 'its name')
    .action(async (queueName: string) => {
      const client = cli.client();
      const response = await attempt('failed to get queue stats', () =>
        client.queue.stats({ queueName }, { signal: cli.interrupted() }),
      );
      await cli.output.json(queueEndpoints.stats.response, response);
    });
}
