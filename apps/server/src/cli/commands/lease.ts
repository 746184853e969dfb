import type { CallOptions, Client } from '@querator/client';
import { QueueError } from '@querator/core';
import { type QueueLeaseResponse, queueEndpoints } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { duration, wholeNumber } from '../flags.ts';
import { jsonLine, type Metadata } from '../json-line.ts';

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
      const options = { signal: cli.interrupted() };
      const ids = { queueName, clientId: clientId || randomClientId(cli) };
      const request = { ...ids, batchSize, requestTimeout: timeout };
      const prefix = 'failed to lease items';
      let count: number;
      if (jsonl) {
        const { leased, metadata } = await attempt(prefix, () => leaseWithMetadata(client, request, options));
        const lines = leased.items.map((item, n) => jsonLine(leased, item, metadata[n]));
        await cli.output.data(lines.join(''));
        count = lines.length;
      } else {
        const response = await attempt(prefix, () => client.queue.lease(request, options));
        await cli.output.json(queueEndpoints.lease.response, response);
        count = response.items.length;
      }
      cli.output.say(`Successfully leased ${count} item(s) from queue '${queueName}'`);
    });
}

/** A server without `/v2/` keeps no metadata. */
async function leaseWithMetadata(
  client: Client,
  request: Parameters<Client['queue']['lease']>[0],
  options: CallOptions,
): Promise<{ readonly leased: QueueLeaseResponse; readonly metadata: readonly Metadata[] }> {
  try {
    const leased = await client.v2.queue.lease(request, options);
    return { leased, metadata: leased.items.map(({ metadata }) => metadata) };
  } catch (error) {
    if (!(error instanceof QueueError) || error.code !== 'unknown_method') throw error;
    return { leased: await client.queue.lease(request, options), metadata: [] };
  }
}

function randomClientId({ random }: Cli): string {
  const letter = () => LETTERS[Math.floor(random.fraction() * LETTERS.length)];
  return `id-${Array.from({ length: CLIENT_ID_LETTERS }, letter).join('')}`;
}
