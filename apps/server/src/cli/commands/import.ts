import { SystemClock } from '@querator/core';
import type { CarriedQuota, DigestValue, ImportedQueue } from '@querator/migration';
import type { Command } from 'commander';
import { sayKeys } from '../carried-keys.ts';
import { sayPauses } from '../carried-pauses.ts';
import { sayQuotas } from '../carried-quotas.ts';
import type { Cli } from '../cli.ts';
import { CommandError, describeError } from '../command-error.ts';
import { Progress } from '../progress.ts';
import { readInput } from '../read-input.ts';
import { textTable } from '../text-table.ts';
import { verifyKeys } from '../verify-keys.ts';
import { workOf } from '../work-of.ts';

interface ImportFlags {
  readonly namespace?: string;
  readonly window: string;
  readonly verify: boolean;
  readonly json: boolean;
}

/** `querator import` */
export function addImport(program: Command, cli: Cli): void {
  program
    .command('import')
    .description('create the queues of an exported file, and add their items')
    .argument('<file>', 'what an export wrote; "-": standard input')
    .argument('[queue...]', 'which queues (default: all)')
    .option('--namespace <name>', 'where new queues go (default: where each was)')
    .option('--window <duration>', 'how long the import may be repeated, 1s to 336h', '24h')
    .option('--verify', 'read the queues afterwards, and compare them with the file', false)
    .option('--json', 'print JSON instead of a table', false)
    .action((file: string, queues: string[], flags: ImportFlags) => run(cli, file, queues, flags));
}

async function run(cli: Cli, file: string, queues: readonly string[], flags: ImportFlags): Promise<void> {
  const { digestOfQueue, importArchive, readArchive } = await import('@querator/migration');
  const options = { ...workOf(cli), client: cli.client(), queues, ...flags };
  const progress = new Progress(cli, 'item(s) imported');
  const clock = new SystemClock();
  const since = clock.now();
  let began = false;
  try {
    // Nothing is imported from a damaged file. Standard input can be read only once.
    if (file !== '-') for await (const _ of readArchive(readInput(cli, file)));
    began = true;
    const lines = readArchive(readInput(cli, file));
    let quotas: readonly CarriedQuota[] = [];
    const report = await importArchive({
      ...{ ...options, lines },
      progress: (_, items) => progress.show(items),
      quotas: (carried) => {
        quotas = carried;
      },
    });
    progress.clear();
    sayQuotas(cli, quotas);
    await tell(cli, report, flags);
    if (!flags.verify) return;
    const wrong: string[] = [];
    for (const [queue, { archived }] of report) {
      wrong.push(...differences(queue, archived, await digestOfQueue(options, queue)));
    }
    const wanted = [...report].map(([queue, { archivedKeys, keys }]) => {
      return [queue, keys.leftOut ?? archivedKeys] as const;
    });
    const keys = await verifyKeys(cli, { ...options, clock, since }, { wanted, source: 'the file' });
    wrong.push(...keys.wrong);
    if (wrong.length > 0) throw new Error(wrong.join('; '));
    const withKeys = keys.same === 0 ? '' : `, with ${keys.same} dedup key(s)`;
    cli.output.say(`Verified: the queues hold what the file has${withKeys}`);
  } catch (error) {
    progress.clear();
    const advice = began ? '; the same import may be repeated, and stores no item twice' : '';
    if (cli.wasInterrupted) throw new CommandError(`Interrupted${advice}`, { cause: error, exitCode: 130 });
    throw new CommandError(`failed to import ${file}: ${describeError(error)}${advice}`, { cause: error });
  }
}

function differences(queue: string, archived: DigestValue, found: DigestValue): readonly string[] {
  if (found.digest === archived.digest && found.items === archived.items) return [];
  if (found.items === archived.items) return [`queue '${queue}' holds other items than the file`];
  return [`queue '${queue}' holds ${found.items} item(s), and the file has ${archived.items}`];
}

async function tell(
  cli: Cli,
  report: ReadonlyMap<string, ImportedQueue>,
  { json }: ImportFlags,
): Promise<void> {
  const queues = [...report].map(([queue, rest]) => ({ queue, ...rest }));
  for (const { queue, differences } of queues) {
    if (differences.length === 0) continue;
    cli.output.say(`Queue '${queue}' existed, and keeps its own settings: ${differences.join(', ')}`);
  }
  sayPauses(cli, queues);
  const paused = queues.flatMap(({ pausedSchedules }) => pausedSchedules);
  if (paused.length > 0) {
    cli.output.say(
      `Schedules that are paused here, so that no time is fired twice: ${paused.join(', ')}; pause them where they come from, then run 'querator schedule resume' for each`,
    );
  }
  const stored = queues.reduce((sum, queue) => sum + queue.stored, 0);
  const present = queues.reduce((sum, queue) => sum + queue.present, 0);
  cli.output.say(`Imported ${stored} item(s); ${present} were imported before`);
  sayKeys(
    cli,
    queues.map(({ queue, keys }) => [queue, keys]),
  );
  if (json) {
    const shown = queues.map(({ queue, archived, stored, present, isNew, differences }) => {
      return { queue, ...archived, stored, present, created: isNew, other_settings: differences };
    });
    await cli.output.value({ queues: shown });
    return;
  }
  const rows = queues.map(({ queue, archived, stored, present, isNew }) => {
    return [queue, String(archived.items), String(stored), String(present), isNew ? 'created' : 'existed'];
  });
  await cli.output.data(textTable(['QUEUE', 'IN FILE', 'STORED', 'THERE', 'QUEUE WAS'], rows));
}
