import type { Clock, ItemId, Random } from '@querator/core';
import type { Codec } from '../codec/codec.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { PointInTime } from '../values/point-in-time.ts';
import type { TimeSpan } from '../values/time-span.ts';

/** Options of a producer. */
export interface ProducerOptions<Payload> {
  /** The queue to send to. */
  readonly queue: string;
  /** How payloads are written: `json<T>()`, `text`, or `bytes`, the default. */
  // biome-ignore lint/suspicious/noExplicitAny: what a handler receives does not matter here.
  readonly codec?: Codec<Payload, any> | undefined;
  /**
   * The most requests in flight, 1 or 2. With 1, the default, items are stored in
   * the order of their sends. 2 can be faster, and requests may overtake each other.
   */
  readonly requestsInFlight?: 1 | 2 | undefined;
  /** How long a request is tried, until its sends fail; `1m` by default. */
  readonly timeout?: TimeSpan | undefined;
  /**
   * Whether each request has a dedup key, where the server knows keys; true by
   * default. With a key, a request whose outcome is unknown is repeated. Without,
   * its sends fail.
   */
  readonly dedup?: boolean | undefined;
  /** How long the server remembers the dedup keys, `1s` to `336h`. Default: `5m`, or twice the timeout. */
  readonly dedupWindow?: TimeSpan | undefined;
  /** The most items that wait or are on their way; 10,000 by default. Further sends wait for room. */
  readonly mostItems?: number | undefined;
  /** The most bytes of such items; 16 MB by default. */
  readonly mostBytes?: number | undefined;
  /** Follows items, such as `openTelemetry()` of `@querator/client/opentelemetry`. */
  readonly telemetry?: Telemetry | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** What goes with an item. */
export interface SendOptions {
  /** Free text for the kind of the payload. */
  readonly kind?: string | undefined;
  /** Free text, such as an account. */
  readonly reference?: string | undefined;
  /** Free text for the encoding of the payload. Default: that of the codec. */
  readonly encoding?: string | undefined;
  /**
   * Pairs of texts that stay with the item, through retries and into the dead-letter
   * queue. Keys of 1 to 128 bytes, 4,096 bytes together. Needs the capability of metadata.
   */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** When the item becomes available. Default: at once. */
  readonly at?: PointInTime | undefined;
  /** How long from now the item becomes available. Not together with `at`. */
  readonly delay?: TimeSpan | undefined;
  /** A second item with this key is not stored while the server remembers the key. Needs the capability of dedup keys. */
  readonly dedupKey?: string | undefined;
}

/** A stored item. */
export interface SentItem {
  /** The id of the item, which is its first id. Undefined: the server does not tell ids. */
  readonly id: ItemId | undefined;
  /** Whether an earlier item had the same dedup key. This one was not stored, and `id` is that of the earlier one. */
  readonly isDuplicate: boolean;
}
