import type { Client } from '@querator/client';
import { LIMITS } from '@querator/core';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { CommandError, describeError, usageError } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';
import { duration, wholeNumber } from '../flags.ts';
import { lineBatches } from '../line-batches.ts';
import { exitCodeOfOutcomes } from '../outcome-exit-code.ts';
import { readInput } from '../read-input.ts';

/** Far longer than any id. The server refuses longer lines, which are no ids. */
const ID_LIMITS = { lines: LIMITS.completeBatch, bytes: 64_000, bytesPerLine: 0 };

interface CompleteFlags {
  readonly partition: number;
  readonly file?: string;
  readonly timeout: string;
  readonly each: boolean;
}

/** `querator complete <queue> [id…]` */
export function addComplete(program: Command, cli: Cli): void {
  program
    .command('complete')
    .description('complete leased items, which removes them')
    .argument('<queue>', 'its name')
    .argument('[id...]', 'the items')
    .requiredOption('-p, --partition <n>', 'the partition they were leased from', wholeNumber)
    .option('--file <file>', 'one id per line, instead of arguments; "-": standard input')
    .option('--timeout <duration>', 'how long the server may take', '30s')
    .option('--each', 'each item by itself: those that are not leased leave the others alone', false)
    .action(async (queueName: string, ids: string[], flags: CompleteFlags) => {
      const { partition, file, timeout, each } = flags;
      duration('timeout', timeout);
      if (!file && ids.length === 0) {
        throw usageError('no item IDs provided (use command line arguments or --file)');
      }
      const client = cli.client();
      const target = { queueName, partition, requestTimeout: timeout };
      const send = each ? sendEach(cli, client, target) : sendTogether(cli, client, target);
      const done = await completeAll(send, each ? '' : 'the first ', file ? idsIn(cli, file) : chunks(ids));
      cli.output.say(`Successfully completed ${done} item(s) in queue '${queueName}' partition ${partition}`);
    });
}

interface Target {
  readonly queueName: string;
  readonly partition: number;
  readonly requestTimeout: string;
}

/** Sends one request, and returns how many items it completed. */
type Send = (ids: readonly string[]) => Promise<number>;

/** Completes all items of a request, or none. */
function sendTogether(cli: Cli, client: Client, target: Target): Send {
  return async (ids) => {
    await client.queue.complete({ ...target, ids: [...ids] }, { signal: cli.interrupted() });
    return ids.length;
  };
}

/** Completes the items that are leased, and says of each other one why it was not completed. */
function sendEach(cli: Cli, client: Client, target: Target): Send {
  return async (ids) => {
    const request = { ...target, ids: [...ids] };
    const { items } = await client.v2.queue.complete(request, { signal: cli.interrupted() });
    const failed = items.filter(({ code }) => code !== '');
    for (const { id, code, message } of failed) cli.output.say(`${id}: ${code}: ${message}`);
    if (failed.length > 0 && cli.exitCode !== EXIT.error) cli.exitCode = exitCodeOfOutcomes(items);
    return items.length - failed.length;
  };
}

/** Sends one request after the other. @param which says in errors what the completed items are. */
async function completeAll(
  send: Send,
  which: string,
  batches: AsyncIterable<string[]> | Iterable<string[]>,
): Promise<number> {
  let done = 0;
  let any = false;
  for await (const ids of batches) {
    any = true;
    try {
      done += await send(ids);
    } catch (error) {
      const before = done === 0 ? '' : `; ${which}${done} item(s) are completed`;
      const exit = done === 0 ? {} : { exitCode: EXIT.error };
      const text = `failed to complete items: ${describeError(error)}${before}`;
      throw new CommandError(text, { cause: error, ...exit });
    }
  }
  if (!any) throw new CommandError('no item IDs to complete');
  return done;
}

async function* idsIn(cli: Cli, file: string): AsyncGenerator<string[]> {
  const decoder = new TextDecoder();
  for await (const lines of lineBatches(readInput(cli, file), ID_LIMITS)) {
    const ids = lines.map((line) => decoder.decode(line).trim()).filter((id) => id !== '');
    if (ids.length > 0) yield ids;
  }
}

function* chunks(ids: readonly string[]): Generator<string[]> {
  for (let start = 0; start < ids.length; start += LIMITS.completeBatch) {
    yield ids.slice(start, start + LIMITS.completeBatch);
  }
}
