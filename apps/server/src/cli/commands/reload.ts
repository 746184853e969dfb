import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';

/** `querator reload <queue>` */
export function addReload(program: Command, cli: Cli): void {
  program
    .command('reload')
    .description('count the items of a queue again, and try its partitions that fail')
    .argument('<queue>', 'its name')
    .action(async (queueName: string) => {
      await attempt('failed to reload queue', () =>
        cli.client().queue.reload({ queueName }, { signal: cli.interrupted() }),
      );
      cli.output.say(`Successfully reloaded queue '${queueName}'`);
    });
}
