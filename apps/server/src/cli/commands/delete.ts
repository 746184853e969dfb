import type { CallOptions, Client } from '@querator/client';
import { QueueError } from '@querator/core';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { confirmDeletion, withYesFlag, type YesFlag } from '../confirm.ts';
import { itemsOf } from '../held-items.ts';

interface DeleteFlags extends YesFlag {
  readonly force: boolean;
}

const PREFIX = 'failed to delete queue';

/** `querator delete <queue>` */
export function addDelete(program: Command, cli: Cli): void {
  const command = program
    .command('delete')
    .description('delete a queue with everything in it')
    .argument('<queue>', 'its name')
    .option('--force', 'even if it is the dead-letter queue of other queues', false);
  withYesFlag(command).action(async (queueName: string, { force, yes }: DeleteFlags) => {
    const client = cli.client();
    const options = { signal: cli.interrupted() };
    const deletion = yes
      ? () => client.queues.delete({ queueName, force }, options)
      : await askedDeletion(cli, { client, queueName, force }, options);
    await attempt(PREFIX, deletion);
    cli.output.say(`Successfully deleted queue '${queueName}'`);
  });
}

/** Says what the queue holds, asks, and returns what then deletes it. */
async function askedDeletion(
  cli: Cli,
  {
    client,
    queueName,
    force,
  }: { readonly client: Client; readonly queueName: string; readonly force: boolean },
  options: CallOptions,
): Promise<() => Promise<unknown>> {
  const { waiting, leased, scheduled } = await attempt(PREFIX, () => itemsOf(client, queueName, options));
  const held = waiting + leased + scheduled;
  await confirmDeletion(
    cli,
    { yes: false },
    {
      prefix: PREFIX,
      reason: `queue '${queueName}' holds ${held === 0 ? 'no items' : `${held} item(s)`}`,
      question: `Delete '${queueName}' with everything in it?`,
    },
  );
  if (held > 0 || force) return () => client.queues.delete({ queueName, force }, options);
  return () => deleteEmpty(client, queueName, options);
}

/** Spares items that arrived while the user was asked. A server without `/v2/` cannot. */
async function deleteEmpty(client: Client, queueName: string, options: CallOptions): Promise<void> {
  try {
    await client.v2.queues.delete({ queueName }, options);
  } catch (error) {
    if (!(error instanceof QueueError) || error.code !== 'unknown_method') throw error;
    await client.queues.delete({ queueName }, options);
  }
}
