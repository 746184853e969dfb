import { type Client, listQueues } from '@querator/client';
import { type QueueInfo, type QueuesListResponse, queuesEndpoints } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { wholeNumber } from '../flags.ts';

interface ListFlags {
  readonly limit: number;
  readonly pivot: string;
  readonly namespace: string;
}

/** The largest limit that the server accepts. */
const LARGEST_PAGE = 65_536;

/** Reads page after page: a page ends early if it is too large. */
async function firstQueues(
  client: Client,
  { pivot, limit, namespace }: ListFlags,
  options: { readonly signal: AbortSignal },
): Promise<QueuesListResponse> {
  // The server refuses a negative limit, and uses its default for 0.
  if (limit <= 1) return client.queues.list({ limit, pivot, namespace }, options);
  const items: QueueInfo[] = [];
  const pageSize = Math.min(limit, LARGEST_PAGE);
  for await (const queue of listQueues(client, { namespace, from: pivot, pageSize }, options)) {
    if (items.push(queue) === limit) break;
  }
  return { items };
}

/** `querator list` */
export function addList(program: Command, cli: Cli): void {
  program
    .command('list')
    .description('print the queues, in order of their names, as JSON')
    .option('--limit <n>', 'how many queues at most', wholeNumber, 100)
    .option('--pivot <queue>', 'start with this name, or the next greater one', '')
    .option('--namespace <namespace>', 'the queues of this namespace (default: _system)', '')
    .action(async (flags: ListFlags) => {
      const client = cli.client();
      const response = await attempt('failed to list queues', () =>
        firstQueues(client, flags, { signal: cli.interrupted() }),
      );
      await cli.output.json(queuesEndpoints.list.response, response);
      cli.output.say(
        `Found ${response.items.length} queue(s) of namespace '${flags.namespace || '_system'}'`,
      );
    });
}
