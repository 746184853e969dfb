import { endpointsV2, formatTimestamp } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { duration } from '../flags.ts';
import { textTable } from '../text-table.ts';

const HEADS = ['MINUTE', 'PRODUCED', 'LEASED', 'COMPLETED', 'RETRIED', 'DEAD', 'WAITING', 'HEAD AGE'];

interface RatesFlags {
  readonly span: string;
  readonly json: boolean;
}

/** `querator rates <queue>` */
export function addRates(program: Command, cli: Cli): void {
  program
    .command('rates')
    .description('print what happened to the items of a queue in each minute, at all servers')
    .argument('<queue>', 'its name')
    .option('--span <duration>', 'how far back, 1s to 24h', '1h')
    .option('--json', 'print JSON instead of a table', false)
    .action(async (queueName: string, { span, json }: RatesFlags) => {
      duration('span', span);
      const response = await attempt('failed to read rates', () =>
        cli.client().v2.queues.rates({ queueName, span }, { signal: cli.interrupted() }),
      );
      if (json) return cli.output.json(endpointsV2.queues.rates.response, response);
      const rows = response.minutes.map(({ minute, ...counts }) => [
        minute === undefined ? '' : formatTimestamp(minute),
        ...[counts.produced, counts.leased, counts.completed, counts.retried, counts.dead].map(String),
        ...[counts.depth === undefined ? '' : String(counts.depth.waiting), counts.depth?.headAge ?? ''],
      ]);
      await cli.output.data(textTable(HEADS, rows));
    });
}
