import { queuesEndpoints } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';

/** `querator info <queue>` */
export function addInfo(program: Command, cli: Cli): void {
  program
    .command('info')
    .description("print a queue's settings as JSON")
    .argument('<queue>', 'its name')
    .action(async (queueName: string) => {
      const client = cli.client();
      const response = await attempt('failed to get queue info', () =>
        client.queues.info({ queueName }, { signal: cli.interrupted() }),
      );
      await cli.output.json(queuesEndpoints.info.response, response);
    });
}
