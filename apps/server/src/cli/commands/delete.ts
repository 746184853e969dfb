import type { Client } from '@querator/client';
import { QueueError } from '@querator/core';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt, CommandError } from '../command-error.ts';
import { confirm } from '../confirm.ts';

interface DeleteFlags {
  readonly force: boolean;
  readonly yes: boolean;
}

const PREFIX = 'failed to delete queue';

/** `querator delete <queue>` */
export function addDelete(program: Command, cli: Cli): void {
  program
    .command('delete')
    .description('delete a queue with everything in it')
    .argument('<queue>', 'its name')
    .option('--force', 'even if it is the dead-letter queue of other queues', false)
    .option('--yes', 'do not ask, whatever the queue holds', false)
    .action(async (queueName: string, { force, yes }: DeleteFlags) => {
      const client = cli.client();
      const options = { signal: cli.interrupted() };
      const deleteAll = () => client.queues.delete({ queueName, force }, options);
      if (!yes) {
        const held = await attempt(PREFIX, () => deleteIfEmpty(client, { queueName, force }, options));
        if (held === undefined) {
          cli.output.say(`Successfully deleted queue '${queueName}'`);
          return;
        }
        await confirmDeletion(cli, queueName, held);
      }
      await attempt(PREFIX, deleteAll);
      cli.output.say(`Successfully deleted queue '${queueName}'`);
    });
}

/**
 * Deletes a queue that holds nothing.
 *
 * @returns what keeps the command from deleting it; undefined: it was deleted.
 */
async function deleteIfEmpty(
  client: Client,
  { queueName, force }: { readonly queueName: string; readonly force: boolean },
  options: { readonly signal: AbortSignal },
): Promise<string | undefined> {
  if (force) {
    // The server's own check would first refuse to delete a dead-letter queue in use.
    const items = await countItems(client, queueName, options);
    if (items > 0) return `queue '${queueName}' holds ${items} item(s)`;
    await client.queues.delete({ queueName, force }, options);
    return undefined;
  }
  try {
    await client.v2.queues.delete({ queueName }, options);
    return undefined;
  } catch (error) {
    if (!(error instanceof QueueError)) throw error;
    if (error.reason === 'not_empty') {
      return `queue '${queueName}' holds ${await countItems(client, queueName, options)} item(s)`;
    }
    if (error.code !== 'unknown_method') throw error;
    return `the server is too old to say whether queue '${queueName}' holds items`;
  }
}

async function countItems(
  client: Client,
  queueName: string,
  options: { readonly signal: AbortSignal },
): Promise<number> {
  const { logicalQueues } = await client.queue.stats({ queueName }, options);
  const partitions = logicalQueues.flatMap((each) => each.partitions);
  return partitions.reduce((sum, { total, scheduled }) => sum + total + scheduled, 0);
}

async function confirmDeletion(cli: Cli, queueName: string, reason: string): Promise<void> {
  if (!cli.io.isTerminal) {
    throw new CommandError(`${PREFIX}: ${reason}; add --yes to delete it all the same`);
  }
  cli.output.say(`${reason[0]?.toUpperCase()}${reason.slice(1)}.`);
  if (!(await confirm(cli, `Delete '${queueName}' with everything in it?`))) {
    throw new CommandError(`${PREFIX}: not confirmed`);
  }
}
