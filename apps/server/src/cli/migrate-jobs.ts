import { SystemClock } from '@querator/core';
import type { CopiedQueue } from '@querator/migration';
import type { Cli } from './cli.ts';
import { CommandError, describeError, usageError } from './command-error.ts';
import type { MigrateFlags } from './migrate-servers.ts';
import { Progress } from './progress.ts';
import { textTable } from './text-table.ts';
import { workOf } from './work-of.ts';

/** Copies the jobs of another system into queues. */
export async function migrateJobs(cli: Cli, queues: readonly string[], flags: MigrateFlags): Promise<void> {
  const { copyJobs, openSystem } = await import('@querator/migration');
  if (flags.verify) throw usageError('--verify needs a Querator server; other systems have no dedup keys');
  if (flags.live) throw usageError('--live needs a Querator server; stop the workers of the other system');
  const { to: endpoint, toApiKeyFile, window, dryRun } = flags;
  const to = cli.client({ endpoint, ...(toApiKeyFile && { apiKeyFile: toApiKeyFile }) });
  const progress = new Progress(cli, 'job(s) read');
  try {
    const system = await openSystem(flags.from, { clock: new SystemClock(), env: cli.io.env });
    try {
      const copied = await copyJobs({
        ...workOf(cli),
        ...{ system, queues, window, namespace: flags.toNamespace },
        to: dryRun ? undefined : to,
        progress: (_, jobs) => progress.show(jobs),
      });
      progress.clear();
      await tell(cli, copied, flags);
    } finally {
      await system.close();
    }
  } catch (error) {
    progress.clear();
    const advice = dryRun ? '' : '; the same command may be repeated, and stores no job twice';
    if (cli.wasInterrupted) throw new CommandError(`Interrupted${advice}`, { cause: error, exitCode: 130 });
    throw new CommandError(`failed to migrate: ${describeError(error)}${advice}`, { cause: error });
  }
}

async function tell(cli: Cli, copied: readonly CopiedQueue[], { dryRun, json }: MigrateFlags): Promise<void> {
  if (!dryRun) {
    const sum = (field: 'stored' | 'present') => copied.reduce((all, queue) => all + queue[field], 0);
    cli.output.say(`Stored ${sum('stored')} job(s); ${sum('present')} were stored before`);
  }
  if (json) {
    const queues = copied.map(({ staying, lacks, ...queue }) => {
      return { ...queue, staying: Object.fromEntries(staying), lacks: Object.fromEntries(lacks) };
    });
    await cli.output.value({ queues });
    return;
  }
  const rows = copied.map(({ queue, jobs, staying }) => [
    ...[queue, ...[jobs.waiting, jobs.scheduled, jobs.leased].map(String)],
    [...staying].map(([state, count]) => `${count} ${state}`).join(', '),
  ]);
  await cli.output.data(textTable(['QUEUE', 'WAITING', 'SCHEDULED', 'LEASED', 'STAYING'], rows));
  for (const { queue, lacks } of copied) {
    for (const [what, count] of lacks) {
      const where = count === 0 ? '' : `, of ${count} job(s)`;
      cli.output.say(`No equivalent in queue '${queue}': ${what}${where}`);
    }
  }
}
