import { BODY_LIMITS, codecsV2, type QueueProduceItemV2, type Timestamp } from '@querator/protocol';
import { CommandError } from './command-error.ts';
import type { BatchLimits } from './line-batches.ts';

/** An item as a command knows it. Absent fields have their defaults. */
export type ProducedItem = Partial<QueueProduceItemV2>;

/** How lines become items. */
export interface LineReader {
  /** What a batch of lines may have. */
  readonly limits: Pick<BatchLimits, 'bytes' | 'bytesPerLine'>;
  /** The item of a line. @throws CommandError naming the line, if it is none. */
  readonly itemOf: (line: Uint8Array, number: number) => ProducedItem;
}

/** The bytes of an item on the wire besides its texts, and of a text besides its characters, rounded up. */
const ITEM_BYTES = 32;
const TEXT_BYTES = 6;
/** The bytes of the rest of a request: the queue's name and the timeout. */
const REQUEST_BYTES = 2_048;
/** The bytes that the items of one request may have together. */
const MOST_BYTES = BODY_LIMITS.produce - REQUEST_BYTES;
/** Base64 makes four characters of three bytes. The rest is for the texts of the item. */
const LONGEST_ITEM_LINE = Math.ceil((MOST_BYTES * 4) / 3) + 65_536;

/** Each line is the payload of an item, whose other fields all items share. */
export function asPayloads(template: ProducedItem): LineReader {
  return {
    limits: { bytes: MOST_BYTES, bytesPerLine: wireBytes(template) },
    itemOf: (bytes) => ({ ...template, bytes }),
  };
}

/**
 * Each line is an item as JSON, as `lease --jsonl` prints it.
 *
 * @param enqueueAt when items become available whose lines do not say.
 */
export function asItems(enqueueAt: Timestamp | undefined): LineReader {
  return {
    limits: { bytes: LONGEST_ITEM_LINE, bytesPerLine: 0 },
    itemOf: (line, number) => {
      try {
        const item = codecsV2.QueueProduceItem.fromJson(producedFields(line));
        return item.enqueueAt === undefined && enqueueAt !== undefined ? { ...item, enqueueAt } : item;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new CommandError(`line ${number} is not an item: ${reason}`, { cause: error });
      }
    },
  };
}

/** Splits items into requests that the server accepts. Each has at least one item. */
export function* requestsOf(items: readonly ProducedItem[]): Generator<readonly ProducedItem[]> {
  let start = 0;
  let bytes = 0;
  for (const [n, item] of items.entries()) {
    const size = wireBytes(item);
    if (n > start && bytes + size > MOST_BYTES) {
      yield items.slice(start, n);
      start = n;
      bytes = 0;
    }
    bytes += size;
  }
  if (start < items.length) yield items.slice(start);
}

/** What a lease gives an item. The item that is produced gets its own. */
const OF_THE_LEASE: ReadonlySet<string> = new Set([
  ...['queue_name', 'partition', 'id', 'attempts', 'lease_deadline'],
  ...['created_at', 'first_id', 'source'],
]);

/** The line without what the item does not keep. A field that is unknown stays, and is an error. */
function producedFields(line: Uint8Array): Uint8Array {
  const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('expected a JSON object');
  }
  const kept = Object.entries(value).filter(([name]) => !OF_THE_LEASE.has(name));
  return Buffer.from(JSON.stringify(Object.fromEntries(kept)));
}

/** At least as many bytes as the item has in a request. */
function wireBytes({
  encoding = '',
  kind = '',
  reference = '',
  metadata = new Map(),
  ...rest
}: ProducedItem): number {
  const { bytes = new Uint8Array(), utf8 = '' } = rest;
  const texts = [encoding, kind, reference, utf8, ...[...metadata].flat()];
  const ofTexts = texts.reduce((sum, text) => sum + Buffer.byteLength(text) + TEXT_BYTES, 0);
  return ITEM_BYTES + bytes.length + ofTexts + metadata.size * TEXT_BYTES;
}
