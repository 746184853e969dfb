import { backOffMs, type Client, ClientError, isUnstored } from '@querator/client';
import { QueueError } from '@querator/core';
import type { Cli } from './cli.ts';
import { CommandError, describeError } from './command-error.ts';
import { lineBatches } from './line-batches.ts';
import { type LineReader, type ProducedItem, requestsOf } from './produced-lines.ts';
import { Progress } from './progress.ts';
import { readInput } from './read-input.ts';

/** The maximum number of attempts of a request that stored nothing because the server was busy. */
const MOST_ATTEMPTS = 10;
const BACK_OFF = { firstMs: 250, mostMs: 5_000 };

/** The input and the settings of a produce. */
export interface ProduceFileOptions {
  readonly queueName: string;
  /** `-` for standard input. */
  readonly file: string;
  /** Items per request, 1 to 1,000. */
  readonly batch: number;
  /** How long the server may take for a request. */
  readonly timeout: string;
  /** How lines become items. */
  readonly read: LineReader;
}

/**
 * Produces an item for each line of a file. Sends one request at a time, so
 * that the items of one partition are in the order of the lines.
 *
 * Repeats a request only if it certainly stored nothing. After any other
 * failure, and after an interruption, the error says which lines are stored.
 *
 * @throws CommandError
 */
export async function produceFile(cli: Cli, options: ProduceFileOptions): Promise<void> {
  const { queueName, file, batch, timeout, read } = options;
  const limits = { ...read.limits, lines: batch };
  const client = cli.client();
  const interrupted = cli.interrupted();
  const progress = new Progress(cli, 'item(s) produced');
  let stored = 0;
  /** The number of lines of a request without its reply. */
  let sent = 0;
  try {
    for await (const lines of lineBatches(readInput(cli, file), limits)) {
      const all = lines.map((line, n) => read.itemOf(line, stored + n + 1));
      for (const items of requestsOf(all)) {
        interrupted.throwIfAborted();
        sent = items.length;
        await produceBatch(cli, client, { queueName, requestTimeout: timeout, items });
        stored += sent;
        sent = 0;
        progress.show(stored);
      }
    }
  } catch (error) {
    progress.clear();
    const where = whatIsStored(stored, isRefused(error) ? 0 : sent);
    if (interrupted.aborted) throw new CommandError(`Interrupted: ${where}`, { cause: error, exitCode: 130 });
    throw new CommandError(`failed to produce item: ${describeError(error)}; ${where}`, { cause: error });
  }
  progress.clear();
  cli.output.say(`Successfully produced ${stored} item(s) to queue '${queueName}'`);
}

/**
 * Sends one request, and repeats it while the server is too busy. An
 * interruption does not cancel a sent request: what it stored would be unknown.
 */
async function produceBatch(
  cli: Cli,
  client: Client,
  request: { queueName: string; requestTimeout: string; items: readonly ProducedItem[] },
): Promise<void> {
  const withMetadata = request.items.some(({ metadata }) => (metadata?.size ?? 0) > 0);
  // A server without `/v2/` keeps no metadata.
  const produce = () => (withMetadata ? client.v2.queue.produce(request) : client.queue.produce(request));
  for (let failures = 1; ; failures++) {
    try {
      await produce();
      return;
    } catch (error) {
      if (!isUnstored(error) || failures >= MOST_ATTEMPTS || cli.interrupted().aborted) throw error;
      await cli.io.sleep(backOffMs(failures, cli.random, BACK_OFF), cli.interrupted());
    }
  }
}

/** Whether the request is known to have stored nothing. */
function isRefused(error: unknown): boolean {
  if (error instanceof ClientError) return error.outcome === 'not-applied';
  if (!(error instanceof QueueError)) return false;
  return isUnstored(error) || REFUSALS.has(error.code);
}

/** Errors of the checks before any work. Errors from later stages do not prove that nothing was stored. */
const REFUSALS: ReadonlySet<string> = new Set([
  'invalid',
  'unauthenticated',
  'forbidden',
  'content',
  'unknown_method',
]);

function whatIsStored(stored: number, unknown: number): string {
  const next = stored + 1;
  if (unknown === 0) {
    return stored === 0
      ? 'no line is stored'
      : `lines 1 to ${stored} are stored, no others; go on with line ${next}`;
  }
  const last = stored + unknown;
  const before = stored === 0 ? '' : `lines 1 to ${stored} are stored, `;
  return (
    `${before}lines ${next} to ${last} may or may not be, no others; ` +
    `look at the queue, then go on with line ${next} or ${last + 1}`
  );
}
