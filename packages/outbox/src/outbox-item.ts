// biome-ignore-all lint/style/noRestrictedGlobals: converts given times, and reads no clock.

import {
  byteLength,
  checkMetadata,
  checkQueueName,
  checkText,
  errorText,
  instantFromMilliseconds,
  invalid,
  LAST_INSTANT,
  LIMITS,
} from '@querator/core';

/** An item for a queue. */
export interface OutboxItem {
  /** The payload. A text is stored in UTF-8. */
  readonly payload: Uint8Array | string;
  /** Free text for the encoding of the payload. */
  readonly encoding?: string | undefined;
  /** Free text for the kind of the payload. */
  readonly kind?: string | undefined;
  /** Free text, such as an account. */
  readonly reference?: string | undefined;
  /** When the item becomes available. Default: when it has arrived in its queue. */
  readonly enqueueAt?: Date | undefined;
  /** Pairs of texts that stay with the item. Keys of 1 to 128 bytes, 4,096 bytes together. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** The most bytes of payloads, texts and metadata in one call: those of a produce request. */
export const MOST_BYTES = 5_000_000;

/** An item as the statement takes it. */
interface WrittenItem {
  /** In base64. */
  readonly payload: string;
  readonly encoding: string;
  readonly kind: string;
  readonly reference: string;
  readonly enqueue_at?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

const TEXTS = ['encoding', 'kind', 'reference'] as const;

/**
 * Checks items as a produce request does, and writes them in JSON.
 *
 * @throws QueueError `invalid` that names the field and, of several items, the item.
 */
export function writeItems(queue: string, items: readonly OutboxItem[]): string {
  if (typeof queue !== 'string') throw invalid('queue name is invalid; expected a text');
  checkQueueName(queue);
  checkUnicode('queue name', queue);
  if (!Array.isArray(items) || items.length === 0) {
    throw invalid('items cannot be empty; at least one item is required');
  }
  if (items.length > LIMITS.produceBatch) {
    throw invalid(
      errorText`items is invalid; at most ${LIMITS.produceBatch} go in one call but received ${items.length}`,
      'too_large',
    );
  }
  let bytes = 0;
  const written = items.map((item: OutboxItem, place) => {
    const checked = inPlace(items.length === 1 ? undefined : place, () => checkItem(item));
    bytes += checked.bytes;
    if (bytes > MOST_BYTES) {
      throw invalid(errorText`items is invalid; more than ${MOST_BYTES} bytes together`, 'too_large');
    }
    return checked.written;
  });
  return JSON.stringify(written);
}

function checkItem(item: OutboxItem): { readonly bytes: number; readonly written: WrittenItem } {
  const { payload, enqueueAt, metadata } = item;
  const isText = typeof payload === 'string';
  if (!isText && !(payload instanceof Uint8Array)) {
    throw invalid('payload is invalid; expected a Uint8Array or a text');
  }
  if (isText) checkUnicode('payload', payload);
  const content = isText
    ? Buffer.from(payload)
    : Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  let bytes = content.length;
  const texts = { encoding: '', kind: '', reference: '' };
  for (const field of TEXTS) {
    const text: unknown = item[field] ?? '';
    if (typeof text !== 'string') throw invalid(errorText`${field} is invalid; expected a text`);
    checkText(field, text);
    checkUnicode(field, text);
    bytes += byteLength(text);
    texts[field] = text;
  }
  if (metadata !== undefined) bytes += checkPairs(metadata);
  // Beyond the sum of all items, so that base64 is not made of too much.
  if (bytes > MOST_BYTES) {
    throw invalid(errorText`payload is invalid; an item has at most ${MOST_BYTES} bytes`, 'too_large');
  }
  return {
    bytes,
    written: {
      payload: content.toString('base64'),
      ...texts,
      enqueue_at: enqueueAt === undefined ? undefined : timeText(enqueueAt),
      metadata: metadata !== undefined && Object.keys(metadata).length > 0 ? metadata : undefined,
    },
  };
}

/** @returns the bytes of the pairs. */
function checkPairs(metadata: Readonly<Record<string, unknown>>): number {
  const pairs = Object.entries(metadata);
  const texts = new Map<string, string>();
  let bytes = 0;
  for (const [key, value] of pairs) {
    if (typeof value !== 'string') {
      throw invalid(errorText`metadata is invalid; the value of '${key}' must be a text`);
    }
    checkUnicode('metadata', key);
    checkUnicode('metadata', value);
    texts.set(key, value);
    bytes += byteLength(key) + byteLength(value);
  }
  checkMetadata(texts);
  return bytes;
}

function timeText(time: Date): string {
  const ms = time instanceof Date ? time.getTime() : Number.NaN;
  if (!Number.isFinite(ms) || ms < 0 || instantFromMilliseconds(ms) > LAST_INSTANT) {
    throw invalid('enqueueAt is invalid; expected a Date from 1970 to 9999');
  }
  return time.toISOString();
}

/** A half of a surrogate pair has no form in UTF-8. */
function checkUnicode(field: string, text: string): void {
  if (!text.isWellFormed()) throw invalid(errorText`${field} is invalid; it is not valid Unicode`);
}

function inPlace<T>(place: number | undefined, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (place !== undefined && error instanceof Error) error.message = `items[${place}]: ${error.message}`;
    throw error;
  }
}
