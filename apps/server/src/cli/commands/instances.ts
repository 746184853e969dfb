import { endpointsV2 } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';

/** `querator instances` */
export function addInstances(program: Command, cli: Cli): void {
  program
    .command('instances')
    .description('print the servers that run on the same storage as JSON')
    .action(async () => {
      const client = cli.client();
      const response = await attempt('failed to list instances', () =>
        client.v2.instances.list({}, { signal: cli.interrupted() }),
      );
      await cli.output.json(endpointsV2.instances.list.response, response);
      const { instances, unrecorded } = response;
      cli.output.say(`Found ${instances.length + unrecorded.length} instance(s)`);
    });
}
