import { type Client, listQueues } from '@querator/client';
import { SystemClock } from '@querator/core';
import type { CompareKeysOptions, KeyDigests, KeysLeftOut, MoveReport } from '@querator/migration';
import { sayKeys } from './carried-keys.ts';
import { sayPauses } from './carried-pauses.ts';
import { sayQuotas } from './carried-quotas.ts';
import type { Cli } from './cli.ts';
import { CommandError, describeError } from './command-error.ts';
import { duration } from './flags.ts';
import { itemsOf } from './held-items.ts';
import { saySchedules } from './moved-schedules.ts';
import { Progress } from './progress.ts';
import { textTable } from './text-table.ts';
import { verifyKeys } from './verify-keys.ts';
import { workOf } from './work-of.ts';

/** The flags of `querator migrate`. */
export interface MigrateFlags {
  readonly from: string;
  readonly to: string;
  readonly live: boolean;
  readonly follow: boolean;
  readonly wait: string;
  readonly window: string;
  readonly journal: string;
  readonly fromApiKeyFile?: string;
  readonly toApiKeyFile?: string;
  readonly namespace?: string;
  readonly toNamespace?: string;
  readonly verify: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** Moves queues from one Querator server to another. */
export async function migrateServers(
  cli: Cli,
  queues: readonly string[],
  flags: MigrateFlags,
): Promise<void> {
  const wait = duration('wait', flags.wait);
  const { from: endpoint, fromApiKeyFile, toApiKeyFile } = flags;
  const from = cli.client({ endpoint, ...(fromApiKeyFile && { apiKeyFile: fromApiKeyFile }) });
  const to = cli.client({ endpoint: flags.to, ...(toApiKeyFile && { apiKeyFile: toApiKeyFile }) });
  if (flags.dryRun) return dryRun(cli, from, queues, flags);
  const { JournalFile, moveLive, moveStopped } = await import('@querator/migration');
  const progress = new Progress(cli, 'item(s) moved');
  const work = workOf(cli);
  const clock = new SystemClock();
  const since = clock.now();
  const options = {
    ...work,
    ...{ from, to, queues, clock, window: flags.window },
    ...{ namespace: flags.namespace, targetNamespace: flags.toNamespace },
    journal: new JournalFile(flags.journal, `${flags.from} -> ${flags.to}`),
    progress: (_: string, items: number) => progress.show(items),
  };
  try {
    // Ctrl-C lets a batch that is leased arrive.
    const live = { stop: work.signal, follow: flags.follow, signal: new AbortController().signal };
    const report = flags.live
      ? await moveLive({ ...options, ...live, wait })
      : await moveStopped({ ...options, wait });
    progress.clear();
    await tell(cli, report, flags, from);
    if (flags.verify) await verify(cli, report, { ...work, from, to, clock, since });
  } catch (error) {
    progress.clear();
    if (error instanceof CommandError) throw error;
    const advice = 'run the same command again to go on';
    if (cli.wasInterrupted) {
      throw new CommandError(`Interrupted; ${advice}`, { cause: error, exitCode: 130 });
    }
    throw new CommandError(`failed to migrate: ${describeError(error)}; ${advice}`, { cause: error });
  }
}

/** Compares the dedup keys of both servers. */
async function verify(
  cli: Cli,
  { keys }: MoveReport,
  {
    from,
    to,
    ...options
  }: Omit<CompareKeysOptions, 'client'> & { readonly from: Client; readonly to: Client },
): Promise<void> {
  const { digestKeys } = await import('@querator/migration');
  const wanted: [queue: string, keys: KeyDigests | KeysLeftOut][] = [];
  for (const [queue, { leftOut }] of keys) {
    wanted.push([queue, leftOut ?? (await digestKeys({ ...options, client: from }, queue))]);
  }
  const source = 'the first server';
  const { wrong, same } = await verifyKeys(cli, { ...options, client: to }, { wanted, source });
  if (wrong.length > 0) throw new CommandError(wrong.join('; '));
  cli.output.say(`Verified: the second server holds the ${same} dedup key(s) of the first one`);
}

async function tell(
  cli: Cli,
  { queues, inDoubt, schedules, keys, quotas }: MoveReport,
  { json }: MigrateFlags,
  source: Client,
): Promise<void> {
  const moved = queues.reduce((sum, queue) => sum + queue.moved, 0);
  const left = queues.reduce((sum, queue) => sum + queue.left, 0);
  for (const { queue, differences } of queues) {
    if (differences.length === 0) continue;
    cli.output.say(`Queue '${queue}' existed, and keeps its own settings: ${differences.join(', ')}`);
  }
  sayPauses(cli, queues);
  saySchedules(cli, schedules);
  cli.output.say(`Moved ${moved} item(s) of ${queues.length} queue(s); ${left} are left`);
  sayKeys(cli, keys);
  sayQuotas(cli, quotas);
  if (json) await cli.output.value({ queues: queues.map(shown), in_doubt: inDoubt });
  else {
    const rows = queues.map(({ queue, moved, left, isNew }) => {
      return [queue, String(moved), String(left), isNew ? 'created' : 'existed'];
    });
    await cli.output.data(textTable(['QUEUE', 'MOVED', 'LEFT', 'QUEUE WAS'], rows));
  }
  for (const each of queues) if (each.left > 0) await sayLeft(cli, source, each.queue);
  for (const { queue, partition, ids } of inDoubt) {
    cli.output.say(`In doubt, partition ${partition} of queue '${queue}': ${ids.join(' ')}`);
  }
  const doubts = inDoubt.reduce((sum, { ids }) => sum + ids.length, 0);
  if (doubts > 0) {
    throw new CommandError(
      `${doubts} item(s) are in doubt: they may be at both servers, because the move before was killed and went on too late`,
    );
  }
}

/** Tells why the source has items of a queue left. Says nothing if it does not answer: the move is over. */
async function sayLeft(cli: Cli, source: Client, queue: string): Promise<void> {
  const held = await itemsOf(source, queue, { signal: cli.interrupted() }).catch(() => undefined);
  if (held === undefined) return;
  const { waiting, leased, scheduled } = held;
  cli.output.say(
    `Left of queue '${queue}': ${waiting} waiting, ${leased} leased, ${scheduled} scheduled; run the same command again to move them, with --wait to wait for them`,
  );
}

function shown({ queue, moved, left, isNew, differences }: MoveReport['queues'][number]) {
  return { queue, moved, left, created: isNew, other_settings: differences };
}

async function dryRun(
  cli: Cli,
  from: Client,
  queues: readonly string[],
  { namespace, json }: MigrateFlags,
): Promise<void> {
  const signal = cli.interrupted();
  const names = [...queues];
  if (names.length === 0) {
    for await (const { queueName } of listQueues(from, { namespace }, { signal })) names.push(queueName);
  }
  const found = [];
  for (const queueName of names) {
    found.push({ queue: queueName, ...(await itemsOf(from, queueName, { signal })) });
  }
  if (json) return cli.output.value({ queues: found });
  const rows = found.map(({ queue, ...counts }) => [queue, ...Object.values(counts).map(String)]);
  await cli.output.data(textTable(['QUEUE', 'WAITING', 'LEASED', 'SCHEDULED'], rows));
}
