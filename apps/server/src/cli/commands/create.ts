import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { DEFAULT_EXPIRE_TIMEOUT, defaultExpireTimeout } from '../default-expire-timeout.ts';
import { wholeNumber } from '../flags.ts';

interface CreateFlags {
  readonly leaseTimeout: string;
  readonly expireTimeout?: string;
  readonly maxAttempts: number;
  readonly deadQueue: string;
  readonly reference: string;
  readonly partitions: number;
  readonly namespace: string;
}

/** `querator create <queue>` */
export function addCreate(program: Command, cli: Cli): void {
  program
    .command('create')
    .description('create a queue')
    .argument('<queue>', 'its name')
    .option('--lease-timeout <duration>', 'how long a lease lasts', '1m')
    .option(
      '--expire-timeout <duration>',
      `how long an item may live (default: ${DEFAULT_EXPIRE_TIMEOUT}, 14 days, whatever the lease timeout)`,
    )
    .option('--max-attempts <n>', 'how often an item may be leased; 0: without limit', wholeNumber, 0)
    .option('--dead-queue <queue>', 'the queue that takes dead items; without one they are deleted', '')
    .option('--reference <text>', 'any text', '')
    .option('--partitions <n>', 'how many partitions', wholeNumber, 1)
    .option('--namespace <namespace>', 'the namespace that it belongs to (default: _system)', '')
    .action(async (queueName: string, flags: CreateFlags) => {
      const { leaseTimeout, maxAttempts, deadQueue, reference, partitions, namespace } = flags;
      const expireTimeout = flags.expireTimeout || defaultExpireTimeout(leaseTimeout);
      const client = cli.client();
      await attempt('failed to create queue', () =>
        client.queues.create(
          {
            queueName,
            leaseTimeout,
            expireTimeout,
            maxAttempts,
            deadQueue,
            reference,
            requestedPartitions: partitions,
            namespace,
          },
          { signal: cli.interrupted() },
        ),
      );
      cli.output.say(
        `Successfully created queue '${queueName}' (partitions: ${partitions}, ` +
          `lease-timeout: ${leaseTimeout}, expire-timeout: ${expireTimeout})`,
      );
    });
}
