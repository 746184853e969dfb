import { queueEndpoints } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { duration, wholeNumber } from '../flags.ts';
import { jsonLine } from '../json-line.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const CLIENT_ID_LETTERS = 10;

interface LeaseFlags {
  readonly clientId?: string;
  readonly batchSize: number;
  readonly timeout: string;
  readonly jsonl: boolean;
}

/** `querator lease <queue>` */
export function addLease(program: Command, cli: Cli): void {
  program
    .command('lease')
    .description('lease items, waiting for the first of them, and print them as JSON')
    .argument('<queue>', 'its name')
    .option('-c, --client-id <id>', 'unique among the clients that wait on the queue (default: random)')
    .option('-b, --batch-size <n>', 'how many items at most', wholeNumber, 1)
    .option('--timeout <duration>', 'how long to wait for an item', '30s')
    .option('--jsonl', 'one line of JSON per item', false)
    .action(async (queueName: string, { clientId, batchSize, timeout, jsonl }: LeaseFlags) => {
      duration('timeout', timeout);
      const client = cli.client();
      const response = await attempt('failed to lease items', () =>
        client.queue.lease(
          { queueName, clientId: clientId || randomClientId(cli), batchSize, requestTimeout: timeout },
          { signal: cli.interrupted() },
        ),
      );
      if (jsonl) await cli.output.data(response.items.map((item) => jsonLine(response, item)).join(''));
      else await cli.output.json(queueEndpoints.lease.response, response);
      cli.output.say(`Successfully leased ${response.items.length} item(s) from queue '${queueName}'`);
    });
}

function randomClientId({ random }: Cli): string {
  const letter = () => LETTERS[Math.floor(random.fraction() * LETTERS.length)];
  return `id-${Array.from({ length: CLIENT_ID_LETTERS }, letter).join('')}`;
}
