import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt, usageError } from '../command-error.ts';
import { duration, timeOf, wholeNumber } from '../flags.ts';

interface UpdateFlags {
  readonly leaseTimeout?: string;
  readonly expireTimeout?: string;
  readonly maxAttempts?: number;
  readonly deadQueue?: string;
  readonly reference?: string;
  readonly partitions?: number;
  readonly ifUpdatedAt?: string;
}

/** `querator update <queue>`: keeps settings without a flag, and clears settings with an empty value or 0. */
export function addUpdate(program: Command, cli: Cli): void {
  program
    .command('update')
    .description("change a queue's settings; those not given stay as they are")
    .argument('<queue>', 'its name')
    .option('--lease-timeout <duration>', 'how long a lease lasts; leaves the expire timeout alone')
    .option('--expire-timeout <duration>', 'how long an item may live; leaves the lease timeout alone')
    .option('--max-attempts <n>', 'how often an item may be leased; 0: without limit', wholeNumber)
    .option('--dead-queue <queue>', 'the queue that takes dead items; "": none')
    .option('--reference <text>', 'any text; "": none')
    .option('--partitions <n>', 'how many partitions', wholeNumber)
    .option('--if-updated-at <time>', 'only if the queue has not changed since: its updated_at, in RFC 3339')
    .action(async (queueName: string, { ifUpdatedAt, ...flags }: UpdateFlags) => {
      if (Object.keys(flags).length === 0) {
        throw usageError('no update flags provided (use --help to see available options)');
      }
      const timeouts = givenTimeouts(flags);
      const client = cli.client();
      const options = { signal: cli.interrupted() };
      const current = await attempt('failed to get current queue info', () =>
        client.queues.info({ queueName }, options),
      );
      const request = {
        queueName,
        // The server keeps its timeouts and partitions where the request has none.
        ...timeouts,
        requestedPartitions: flags.partitions ?? 0,
        maxAttempts: flags.maxAttempts ?? current.maxAttempts,
        deadQueue: flags.deadQueue ?? current.deadQueue,
        reference: flags.reference ?? current.reference,
      };
      const update = async (): Promise<unknown> =>
        ifUpdatedAt === undefined
          ? client.queues.update(request, options)
          : client.v2.queues.update(
              { ...request, ifUpdatedAt: timeOf('if-updated-at', ifUpdatedAt) },
              options,
            );
      await attempt('failed to update queue', update);
      cli.output.say(`Successfully updated queue '${queueName}'`);
    });
}

/** Every queue has timeouts, so an empty one is an error and does not clear it. */
function givenTimeouts({ leaseTimeout, expireTimeout }: UpdateFlags) {
  if (leaseTimeout !== undefined) duration('lease-timeout', leaseTimeout);
  if (expireTimeout !== undefined) duration('expire-timeout', expireTimeout);
  return { leaseTimeout: leaseTimeout ?? '', expireTimeout: expireTimeout ?? '' };
}
