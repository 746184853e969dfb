import type { CallOptions } from '@querator/client';
import { queueEndpoints, REPLY_HEADERS } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';

/** `querator stats <queue>` */
export function addStats(program: Command, cli: Cli): void {
  program
    .command('stats')
    .description('print the contents and the activity of a queue as JSON')
    .argument('<queue>', 'its name')
    .action(async (queueName: string) => {
      const client = cli.client();
      let age = 0;
      const options: CallOptions = {
        signal: cli.interrupted(),
        onReply: (header) => {
          age = Number(header(REPLY_HEADERS.countAge) ?? 0);
        },
      };
      const response = await attempt('failed to get queue stats', () =>
        client.queue.stats({ queueName }, options),
      );
      await cli.output.json(queueEndpoints.stats.response, response);
      // Standard output has the server's data only, so the age goes to standard error.
      if (age > 0) cli.output.say(`counted ${age} s ago`);
    });
}
