import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { usageError } from '../command-error.ts';
import { migrateJobs } from '../migrate-jobs.ts';
import { type MigrateFlags, migrateServers } from '../migrate-servers.ts';

/** `querator migrate` */
export function addMigrate(program: Command, cli: Cli): void {
  program
    .command('migrate')
    .description('move the items of queues to another server, or copy the jobs of another system')
    .argument('[queue...]', 'which queues (default: all of the namespace)')
    .requiredOption(
      '--from <url>',
      'the server that has them, or a system: pg-boss:<url>, graphile-worker:<url>, bullmq:<url>, sqs:<url>',
    )
    .requiredOption('--to <url>', 'the server that gets them')
    .option('--live', 'while consumers work: as a consumer of the first server', false)
    .option('--follow', 'with --live: go on when no item can be leased, until Ctrl-C', false)
    .option('--wait <duration>', 'how long to wait for leases to end and for scheduled items', '0s')
    .option('--window <duration>', 'how long the move may be repeated, 1s to 336h', '24h')
    .option('--journal <file>', 'what a move that was killed goes on with', 'querator-migrate.json')
    .option('--from-api-key-file <file>', 'the key for the first server (default: --api-key)')
    .option('--to-api-key-file <file>', 'the key for the second server (default: --api-key)')
    .option('--namespace <name>', 'whose queues to move if none is named')
    .option('--to-namespace <name>', 'where new queues go (default: where each is)')
    .option('--verify', 'compare the dedup keys of both servers afterwards', false)
    .option('--dry-run', 'only show what there is', false)
    .option('--json', 'print JSON instead of a table', false)
    .action(async (queues: string[], flags: MigrateFlags) => {
      if (flags.follow && !flags.live) throw usageError('--follow needs --live');
      if (flags.follow && flags.wait !== '0s')
        throw usageError('--wait does not go with --follow, which waits for ever');
      const { isForeign } = await import('@querator/migration');
      const work = isForeign(flags.from) ? migrateJobs : migrateServers;
      await work(cli, queues, flags);
    });
}
