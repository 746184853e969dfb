import { formatDuration, milliseconds, toMilliseconds } from '@querator/core';
import { type Command, InvalidArgumentError } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt, describeError, usageError } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';
import { duration } from '../flags.ts';
import { withFreshCounts } from '../fresh-counts.ts';
import { queueTable, SORT_KEYS, type SortKey, sorted } from '../top/queue-table.ts';
import { QueueWatch } from '../top/queue-watch.ts';
import { Screen } from '../top/screen.ts';

interface TopFlags {
  readonly interval: string;
  readonly sort: SortKey;
  readonly namespace?: string;
  readonly once: boolean;
  readonly json: boolean;
}

const PREFIX = 'failed to watch queues';
/** More frequent looks would only ask the server for the same counts. */
const SHORTEST_INTERVAL_MS = 500;
const KEYS = new Map(Object.entries(SORT_KEYS).map(([sort, key]) => [key as string, sort as SortKey]));

/** `querator top` */
export function addTop(program: Command, cli: Cli): void {
  program
    .command('top')
    .description('show queues with what they hold, and go on until q or Ctrl-C')
    .argument('[queue...]', 'their names (default: all queues)')
    .option('--interval <duration>', 'the time between two looks, at least 500ms', '2s')
    .option('--sort <column>', `the first order: ${Object.keys(SORT_KEYS).join(', ')}`, sortKey, 'waiting')
    .option('--namespace <name>', 'whose queues to show (default: those of all namespaces)')
    .option('--once', 'print one table, and end', false)
    .option('--json', 'print a line of JSON for each look', false)
    .action((queues: string[], flags: TopFlags) => run(cli, queues, flags));
}

function sortKey(text: string): SortKey {
  if (text in SORT_KEYS) return text as SortKey;
  throw new InvalidArgumentError(`It is none of ${Object.keys(SORT_KEYS).join(', ')}.`);
}

async function run(cli: Cli, queues: readonly string[], flags: TopFlags): Promise<void> {
  const intervalMs = toMilliseconds(duration('interval', flags.interval));
  if (intervalMs < SHORTEST_INTERVAL_MS) throw usageError('--interval must be at least 500ms');
  const watch = new QueueWatch({
    client: cli.client(),
    names: queues.length === 0 ? undefined : queues,
    namespace: flags.namespace,
    clock: cli.io.monotonicClock,
  });
  if (flags.once || flags.json) return printLooks(cli, watch, intervalMs, flags);
  if (!Screen.isTerminal(cli.io.stdout)) {
    throw usageError('standard output is no terminal; add --once or --json');
  }
  await new LiveTop(cli, watch, intervalMs, flags.sort).run();
}

/** With `--once` it looks until all queues were looked at, so that one table shows them all. */
async function printLooks(
  cli: Cli,
  watch: QueueWatch,
  intervalMs: number,
  { once, json, sort }: TopFlags,
): Promise<void> {
  const signal = cli.interrupted();
  do {
    await attempt(PREFIX, () =>
      once
        ? withFreshCounts(
            cli,
            () => watch.lookAtAll({ signal }),
            () => watch.isFresh,
          )
        : watch.look({ signal }),
    );
    // A single table would compare its counts with those from before anybody asked.
    const seen = once ? watch.rows().map((row) => ({ ...row, netPerSecond: undefined })) : watch.rows();
    const rows = sorted(seen, sort);
    if (json) {
      const queues = rows.map(({ headAgeMs, countAgeMs, netPerSecond, ...row }) => ({
        ...row,
        ...(headAgeMs !== undefined && { head_age: formatDuration(milliseconds(headAgeMs)) }),
        ...(countAgeMs !== undefined && { count_age: formatDuration(milliseconds(countAgeMs)) }),
        ...(netPerSecond !== undefined && { net_per_second: Math.round(netPerSecond * 1_000) / 1_000 }),
      }));
      await cli.output.line({ queues, not_counted: watch.unknown });
    } else {
      const columns = (cli.io.stdout as { readonly columns?: number }).columns || 80;
      await cli.output.data(`${queueTable(rows, sort, columns).join('\n')}\n`);
      if (rows.length === 0) cli.output.say('Found 0 queue(s)');
    }
    if (!once) await cli.io.sleep(intervalMs, signal);
  } while (!once && !signal.aborted);
  if (signal.aborted) cli.exitCode = EXIT.interrupted;
}

/** The table on a terminal, with its keys. */
class LiveTop {
  readonly #cli: Cli;
  readonly #watch: QueueWatch;
  readonly #intervalMs: number;
  readonly #ended = new AbortController();
  readonly #screen: Screen;
  #sort: SortKey;
  #status = 'looking…';

  constructor(cli: Cli, watch: QueueWatch, intervalMs: number, sort: SortKey) {
    this.#cli = cli;
    this.#watch = watch;
    this.#intervalMs = intervalMs;
    this.#sort = sort;
    this.#screen = new Screen(cli.io.stdin, cli.io.stdout, (key) => this.#onKey(key));
  }

  async run(): Promise<void> {
    const signal = AbortSignal.any([this.#ended.signal, this.#cli.interrupted()]);
    // Opened after the handler is there: a signal in between would leave the alternate screen.
    const forget = this.#cli.io.beforeEnd(['SIGTERM', 'SIGHUP'], () => this.#screen.close());
    this.#screen.open();
    try {
      this.#draw();
      while (!signal.aborted) {
        this.#status = await this.#look(signal);
        if (signal.aborted) break;
        this.#draw();
        await this.#cli.io.sleep(this.#intervalMs, signal);
      }
    } finally {
      forget();
      this.#screen.close();
    }
    if (this.#cli.wasInterrupted) this.#cli.exitCode = EXIT.interrupted;
  }

  /** Looks, and returns what the user should know. A server that is away may come back. */
  async #look(signal: AbortSignal): Promise<string> {
    try {
      await this.#watch.look({ signal });
      const { unknown } = this.#watch;
      return unknown === 0 ? '' : `${unknown} queue(s) not looked at yet`;
    } catch (error) {
      return `Error: ${describeError(error)}`;
    }
  }

  #draw(): void {
    const rows = this.#watch.rows();
    const keys = Object.entries(SORT_KEYS).map(([name, key]) => `${key} ${name}`);
    this.#screen.show([
      `${rows.length} queue(s)  ${this.#status}`,
      ...queueTable(rows, this.#sort, this.#screen.columns).slice(0, this.#screen.rows - 2),
      `q quit  sort: ${keys.join('  ')}`,
    ]);
  }

  #onKey(key: string): void {
    const sort = KEYS.get(key);
    if (sort !== undefined) {
      this.#sort = sort;
      this.#draw();
    }
    if (key === 'q' || key === '\u0003') {
      if (key === '\u0003') this.#cli.exitCode = EXIT.interrupted;
      this.#ended.abort();
    }
  }
}
