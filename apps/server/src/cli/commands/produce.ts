import { BODY_LIMITS, type QueueProduceItem } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt, CommandError, usageError } from '../command-error.ts';
import { duration, pointInTime, wholeNumber } from '../flags.ts';
import { produceFile } from '../produce-file.ts';
import { readInput } from '../read-input.ts';

interface ProduceFlags {
  readonly payload?: string;
  readonly file?: string;
  readonly batch: number;
  readonly encoding: string;
  readonly kind: string;
  readonly reference: string;
  readonly enqueueAt?: string;
  readonly timeout: string;
}

/** `querator produce <queue>` */
export function addProduce(program: Command, cli: Cli): void {
  program
    .command('produce')
    .description('add an item, or with --file one for each line')
    .argument('<queue>', 'its name')
    .option('-p, --payload <text>', 'the item (default: all of standard input)')
    .option('--file <file>', 'an item for each line of a file; "-": standard input')
    .option('--batch <n>', 'with --file: items per request, 1 to 1000', wholeNumber, 1_000)
    .option('--encoding <text>', 'how the payload is encoded, as free text', '')
    .option('--kind <text>', 'what kind of payload it is, as free text', '')
    .option('--reference <text>', 'any text', '')
    .option('--enqueue-at <time>', 'when the item becomes available, as RFC 3339')
    .option('--timeout <duration>', 'how long the server may take for a request', '30s')
    .action(async (queueName: string, flags: ProduceFlags) => {
      const { payload, file, batch, encoding, kind, reference, timeout } = flags;
      duration('timeout', timeout);
      const enqueueAt = flags.enqueueAt ? pointInTime('enqueue-at', flags.enqueueAt) : undefined;
      const template = { encoding, kind, reference, ...(enqueueAt === undefined ? {} : { enqueueAt }) };
      if (!file) return produceOne(cli, { queueName, timeout, payload: payload ?? '', template });
      if (payload) throw usageError('--payload and --file exclude each other');
      if (batch < 1 || batch > 1_000) throw usageError('--batch must be from 1 to 1000');
      return produceFile(cli, { queueName, file, batch, timeout, template });
    });
}

async function produceOne(
  cli: Cli,
  {
    queueName,
    timeout,
    payload,
    template,
  }: {
    readonly queueName: string;
    readonly timeout: string;
    readonly payload: string;
    readonly template: Partial<QueueProduceItem>;
  },
): Promise<void> {
  const client = cli.client();
  const bytes = payload === '' ? await readAll(cli) : Buffer.from(payload);
  await attempt('failed to produce item', () =>
    client.queue.produce(
      { queueName, requestTimeout: timeout, items: [{ ...template, bytes }] },
      { signal: cli.interrupted() },
    ),
  );
  cli.output.say(`Successfully produced item with payload of ${bytes.length} bytes`);
}

/** Stops at the size of a request: standard input may be endless. */
async function readAll(cli: Cli): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of readInput(cli, '-')) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > BODY_LIMITS.produce) {
      throw new CommandError(
        `failed to produce item: standard input is longer than the ${BODY_LIMITS.produce} bytes of a request`,
      );
    }
  }
  return Buffer.concat(chunks);
}
