import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt } from '../command-error.ts';
import { timeOf } from '../flags.ts';

interface PauseFlags {
  readonly produce: boolean;
  readonly lease: boolean;
  readonly until?: string;
}

/** `querator pause <queue>` and `querator resume <queue>` */
export function addPause(program: Command, cli: Cli): void {
  program
    .command('pause')
    .description('refuse new items, let consumers wait, or both; running leases go on')
    .argument('<queue>', 'its name')
    .option('--produce', 'refuse new items (without --lease too: both)', false)
    .option('--lease', 'let consumers wait', false)
    .option('--until <time>', 'end by itself then, like 2026-05-01T12:00:00Z; default: when resumed')
    .action(async (queueName: string, flags: PauseFlags) => {
      const until = timeOf('until', flags.until);
      await attempt('failed to pause queue', () =>
        cli.client().v2.queues.pause({ queueName, ...named(flags), until }, { signal: cli.interrupted() }),
      );
      cli.output.say(`Successfully paused queue '${queueName}'`);
    });
  program
    .command('resume')
    .description('end the pauses of a queue')
    .argument('<queue>', 'its name')
    .option('--produce', 'accept new items again (without --lease too: both)', false)
    .option('--lease', 'let consumers receive items again', false)
    .action(async (queueName: string, flags: PauseFlags) => {
      await attempt('failed to resume queue', () =>
        cli.client().v2.queues.resume({ queueName, ...named(flags) }, { signal: cli.interrupted() }),
      );
      cli.output.say(`Successfully resumed queue '${queueName}'`);
    });
}

/** Without flags a command means everything. */
function named({ produce, lease }: PauseFlags) {
  return produce || lease ? { produce, lease } : { produce: true, lease: true };
}
