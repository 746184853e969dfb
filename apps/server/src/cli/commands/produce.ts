import { BODY_LIMITS, endpointsV2 } from '@querator/protocol';
import { type Command, InvalidArgumentError } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt, CommandError, usageError } from '../command-error.ts';
import { pair } from '../filter-flags.ts';
import { duration, pointInTime, wholeNumber } from '../flags.ts';
import { produceFile } from '../produce-file.ts';
import { asItems, asPayloads, type ProducedItem } from '../produced-lines.ts';
import { readInput } from '../read-input.ts';

interface ProduceFlags {
  readonly payload?: string;
  readonly file?: string;
  readonly lines: 'payloads' | 'items';
  readonly batch: number;
  readonly encoding: string;
  readonly kind: string;
  readonly reference: string;
  readonly metadata?: ReadonlyMap<string, string>;
  readonly dedupKey: string;
  readonly dedupWindow: string;
  readonly enqueueAt?: string;
  readonly json: boolean;
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
    .option(
      '--lines <what>',
      'with --file: lines are payloads, or items as lease --jsonl prints them',
      lineKind,
      'payloads',
    )
    .option('--batch <n>', 'with --file: items per request, 1 to 1000', wholeNumber, 1_000)
    .option('--encoding <text>', 'how the payload is encoded, as free text', '')
    .option('--kind <text>', 'what kind of payload it is, as free text', '')
    .option('--reference <text>', 'any text', '')
    .option('--metadata <key=value>', 'a pair that stays with the item; may be repeated', pair)
    .option('--dedup-key <key>', 'an item with this key is stored once, inside the window', '')
    .option('--dedup-window <duration>', 'how long the key lasts, 1s to 336h (default: 5m)', '')
    .option('--enqueue-at <time>', 'when the item becomes available, as RFC 3339')
    .option('--timeout <duration>', 'how long the server may take for a request', '30s')
    .option('--json', 'print the id of the item as JSON', false)
    .action(async (queueName: string, flags: ProduceFlags) => {
      const { payload, file, batch, encoding, kind, reference, metadata, lines, timeout } = flags;
      duration('timeout', timeout);
      const enqueueAt = flags.enqueueAt ? pointInTime('enqueue-at', flags.enqueueAt) : undefined;
      const template = {
        ...{ encoding, kind, reference },
        ...(enqueueAt && { enqueueAt }),
        ...(metadata && { metadata: new Map(metadata) }),
      };
      const { dedupKey, dedupWindow, json } = flags;
      if (!file) {
        if (lines !== 'payloads') throw usageError('--lines needs --file');
        const one = { queueName, timeout, payload: payload ?? '', template, dedupKey, dedupWindow, json };
        return produceOne(cli, one);
      }
      if (dedupKey || dedupWindow || json) {
        throw usageError('--file excludes --dedup-key, --dedup-window and --json');
      }
      if (payload) throw usageError('--payload and --file exclude each other');
      if (batch < 1 || batch > 1_000) throw usageError('--batch must be from 1 to 1000');
      if (lines === 'payloads')
        return produceFile(cli, { queueName, file, batch, timeout, read: asPayloads(template) });
      if (encoding || kind || reference || metadata) {
        throw usageError(
          '--lines items excludes --encoding, --kind, --reference and --metadata: a line has its own',
        );
      }
      return produceFile(cli, { queueName, file, batch, timeout, read: asItems(enqueueAt) });
    });
}

function lineKind(text: string): string {
  if (text === 'payloads' || text === 'items') return text;
  throw new InvalidArgumentError("It is neither 'payloads' nor 'items'.");
}

/** One item and how it is produced. */
interface OneItem {
  readonly queueName: string;
  readonly timeout: string;
  readonly payload: string;
  readonly template: ProducedItem;
  readonly dedupKey: string;
  readonly dedupWindow: string;
  readonly json: boolean;
}

async function produceOne(cli: Cli, one: OneItem): Promise<void> {
  const { queueName, timeout: requestTimeout, payload, template, dedupKey, dedupWindow, json } = one;
  const { queue, v2 } = cli.client();
  const bytes = payload === '' ? await readAll(cli) : Buffer.from(payload);
  const options = { signal: cli.interrupted() };
  const request = { queueName, requestTimeout, items: [{ ...template, bytes }] };
  const prefix = 'failed to produce item';
  let wasThere = false;
  if (json || dedupKey !== '' || dedupWindow !== '' || template.metadata !== undefined) {
    const keyed = { ...request, dedupKey, dedupWindow };
    const produced = await attempt(prefix, () => v2.queue.produce(keyed, options));
    wasThere = produced.items.some(({ duplicate }) => duplicate);
    if (json) await cli.output.json(endpointsV2.queue.produce.response, produced);
  } else {
    await attempt(prefix, () => queue.produce(request, options));
  }
  cli.output.say(
    wasThere
      ? 'The item was produced before, with the same dedup key'
      : `Successfully produced item with payload of ${bytes.length} bytes`,
  );
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
