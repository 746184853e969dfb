import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { confirmDeletion, withYesFlag, type YesFlag } from '../confirm.ts';
import { itemsOf } from '../held-items.ts';

interface ClearFlags extends YesFlag {
  readonly waiting: boolean;
  readonly leased: boolean;
  readonly scheduled: boolean;
}

const PREFIX = 'failed to clear queue';

/** `querator clear <queue>` */
export function addClear(program: Command, cli: Cli): void {
  const command = program
    .command('clear')
    .description('delete the items of a queue, and keep the queue')
    .argument('<queue>', 'its name')
    .option('--waiting', 'the waiting items (the default if no other is given)', false)
    .option('--leased', 'the waiting and the leased items: consumers lose their leases', false)
    .option('--scheduled', 'the scheduled items', false);
  withYesFlag(command).action(async (queueName: string, flags: ClearFlags) => {
    const { leased, scheduled, yes } = flags;
    const waiting = flags.waiting || leased || !scheduled;
    const { queue } = cli.client();
    const options = { signal: cli.interrupted() };
    if (!yes) {
      const held = await attempt(PREFIX, () => itemsOf(cli.client(), queueName, options));
      const asked = [
        ...(waiting ? [`${held.waiting} waiting`] : []),
        ...(leased ? [`${held.leased} leased`] : []),
        ...(scheduled ? [`${held.scheduled} scheduled`] : []),
      ];
      const question = `Delete ${asked.join(' and ')} item(s) of queue '${queueName}'?`;
      await confirmDeletion(cli, flags, { prefix: PREFIX, question });
    }
    const request = { queueName, queue: waiting, destructive: leased, scheduled };
    await attempt(PREFIX, () => queue.clear(request, options));
    cli.output.say(`Successfully cleared queue '${queueName}'`);
  });
}
