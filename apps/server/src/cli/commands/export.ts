import { instantText, SystemClock } from '@querator/core';
import type {
  ArchiveFile,
  ArchiveSink,
  CarriedQuota,
  ExportReport,
  KeysLeftOut,
  ResumePoint,
} from '@querator/migration';
import type { Command } from 'commander';
import { sayKeysLeftOut } from '../carried-keys.ts';
import { sayQuotas } from '../carried-quotas.ts';
import type { Cli } from '../cli.ts';
import { CommandError, describeError, usageError } from '../command-error.ts';
import { Progress } from '../progress.ts';
import { textTable } from '../text-table.ts';
import { workOf } from '../work-of.ts';

interface ExportFlags {
  readonly file: string;
  readonly resume: boolean;
  readonly namespace?: string;
  readonly json: boolean;
}

/** `querator export` */
export function addExport(program: Command, cli: Cli): void {
  program
    .command('export')
    .description('write queues with all their items into a file')
    .argument('[queue...]', 'their names (default: all queues of the namespace)')
    .requiredOption('--file <file>', 'the file, compressed if it ends in .zst; "-": standard output')
    .option('--resume', 'go on with a file that an export left incomplete', false)
    .option('--namespace <name>', 'whose queues to export (default: the system namespace)')
    .option('--json', 'print JSON instead of a table', false)
    .action((queues: string[], flags: ExportFlags) => run(cli, queues, flags));
}

async function run(cli: Cli, queues: readonly string[], flags: ExportFlags): Promise<void> {
  const { ArchiveFile, exportQueues } = await import('@querator/migration');
  const { file, namespace } = flags;
  if (file === '-' && flags.resume) throw usageError('--resume needs a file');
  const client = cli.client();
  let archive: ArchiveFile | undefined;
  const progress = new Progress(cli, 'item(s) exported');
  const hidden: string[] = [];
  const hiddenQuotas: CarriedQuota[] = [];
  const keysLeftOut: (readonly [string, KeysLeftOut])[] = [];
  let begun = false;
  try {
    let from: ResumePoint | undefined;
    if (flags.resume) {
      const resumed = await ArchiveFile.resume(file);
      if (resumed === undefined) {
        cli.output.say(`${file} is complete`);
        return;
      }
      ({ archive, from } = resumed);
    } else if (file !== '-') {
      archive = await ArchiveFile.create(file);
    }
    begun = true;
    const report = await exportQueues({
      ...workOf(cli),
      ...{ client, queues, namespace, resume: from },
      sink: archive ?? standardOutput(cli),
      now: () => instantText(new SystemClock().now()),
      progress: (_, items) => progress.show(items),
      schedulesHidden: (queue) => hidden.push(queue),
      quotaHidden: (namespace) => hiddenQuotas.push({ namespace, became: 'hidden' }),
      keysLeftOut: (queue, reason) => keysLeftOut.push([queue, reason]),
    });
    progress.clear();
    if (hidden.length > 0) {
      cli.output.say(
        `Queues whose schedules are left out, because the permission queue.update is missing: ${hidden.join(', ')}`,
      );
    }
    sayQuotas(cli, hiddenQuotas);
    sayKeysLeftOut(cli, keysLeftOut);
    await tell(cli, report, flags);
  } catch (error) {
    progress.clear();
    const advice = begun && file !== '-' ? `; go on with --resume` : '';
    if (cli.wasInterrupted) throw new CommandError(`Interrupted${advice}`, { cause: error, exitCode: 130 });
    throw new CommandError(`failed to export: ${describeError(error)}${advice}`, { cause: error });
  }
}

function standardOutput(cli: Cli): ArchiveSink {
  return {
    append: (part) => cli.output.data(part),
    finish: (part) => cli.output.data(part),
  };
}

async function tell(cli: Cli, report: ExportReport, { file, json }: ExportFlags): Promise<void> {
  const items = [...report.values()].reduce((sum, queue) => sum + queue.items, 0);
  const keys = [...report.values()].reduce((sum, queue) => sum + (queue.keys?.count ?? 0), 0);
  const andKeys = keys === 0 ? '' : ` and ${keys} dedup key(s)`;
  cli.output.say(`Exported ${items} item(s)${andKeys} of ${report.size} queue(s)`);
  if (file === '-') return;
  const queues = [...report].map(([queue, value]) => ({ queue, ...value }));
  if (json) await cli.output.value({ queues });
  else {
    const rows = queues.map(({ queue, items, digest }) => [queue, String(items), digest.slice(0, 16)]);
    await cli.output.data(textTable(['QUEUE', 'ITEMS', 'DIGEST'], rows));
  }
}
