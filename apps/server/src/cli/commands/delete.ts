import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';

/** `querator delete <queue>` */
export function addDelete(program: Command, cli: Cli): void {
  program
    .command('delete')
    .description('delete a queue with everything in it')
    .argument('<queue>', 'its name')
    .option('--force', 'even if it is the dead-letter queue of other queues', false)
    .action(async (queueName: string, { force }: { readonly force: boolean }) => {
      const client = cli.client();
      await attempt('failed to delete queue', () =>
        client.queues.delete({ queueName, force }, { signal: cli.interrupted() }),
      );
      cli.output.say(`Successfully deleted queue '${queueName}'`);
    });
}
