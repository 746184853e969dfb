import { endpointsV2 } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { textTable } from '../text-table.ts';

/** `querator server-info` */
export function addServerInfo(program: Command, cli: Cli): void {
  program
    .command('server-info')
    .description('print the version of the server, and what it can do')
    .option('--json', 'print JSON instead of a table', false)
    .action(async ({ json }: { readonly json: boolean }) => {
      const info = await attempt('failed to get server info', () =>
        cli.client().v2.server.info({}, { signal: cli.interrupted() }),
      );
      const { version, api, capabilities } = info;
      const rows = [
        ['version', version],
        ...api.map((each) => ['api', each]),
        ...capabilities.map((each) => ['capability', each]),
      ];
      if (json) await cli.output.json(endpointsV2.server.info.response, info);
      else await cli.output.data(textTable(['WHAT', 'VALUE'], rows));
    });
}
