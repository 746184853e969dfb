import {
  addDuration,
  type Clock,
  DEFAULT_DEDUP_WINDOW,
  type Duration,
  errorText,
  type Instant,
  type Metadata,
  type Random,
  // biome-ignore lint/style/noRestrictedImports: an outermost function of the package.
  SystemClock,
  // biome-ignore lint/style/noRestrictedImports: the same.
  SystemRandom,
  toMilliseconds,
} from '@querator/core';
import { bytes, type Codec } from '../codec/codec.ts';
import { type ProduceSource, producePortOf } from '../port/port-of.ts';
import type { PortNewItem, ProducedItem, ProducePort } from '../port/produce-port.ts';
import { guardTelemetry } from '../telemetry/guard-telemetry.ts';
import type { Telemetry, TracePairs } from '../telemetry/telemetry.ts';
import { toInstant } from '../values/point-in-time.ts';
import { toDuration } from '../values/time-span.ts';
import type { ProducerOptions, SendOptions, SentItem } from './producer-options.ts';
import { SendBatcher } from './send-batcher.ts';

/** Sends items to a queue. */
export interface Producer<Payload> {
  /**
   * Sends an item. Sends that are under way at the same time share a request, in
   * order. Waits for room while too many items are on their way.
   *
   * @returns once the item is stored.
   * @throws QueueError or ClientError if it was not stored, or if it is unknown
   *   whether it was. TypeError for a wrong option, PayloadError for a payload
   *   that the codec refuses.
   */
  send(payload: Payload, options?: SendOptions): Promise<SentItem>;
  /** Resolves once the sends so far have ended, well or not. Never rejects. */
  flush(): Promise<void>;
  /** Takes no more sends, and waits for those under way. Never rejects. */
  close(): Promise<void>;
  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

const DEFAULT_TIMEOUT = '1m';
const DEFAULT_MOST_ITEMS = 10_000;
const DEFAULT_MOST_BYTES = 16_000_000;

/**
 * Makes a producer. Its first request finds out what the server can.
 *
 * @param source a client, or a queue in the same process.
 * @throws TypeError for an option that is wrong.
 */
export function producer(
  source: ProduceSource,
  options: ProducerOptions<Uint8Array> & NoCodec,
): Producer<Uint8Array>;
export function producer<Payload>(
  source: ProduceSource,
  options: ProducerOptions<Payload> & HasCodec<Payload>,
): Producer<Payload>;
export function producer<Payload>(
  source: ProduceSource,
  options: ProducerOptions<Payload>,
): Producer<Payload> {
  return new QueueProducer(source, options);
}

/** Without a codec, payloads are bytes. */
interface NoCodec {
  readonly codec?: undefined;
}

interface HasCodec<Payload> {
  // biome-ignore lint/suspicious/noExplicitAny: what a handler receives does not matter here.
  readonly codec: Codec<Payload, any>;
}

class QueueProducer<Payload> implements Producer<Payload> {
  readonly #queue: string;
  readonly #clock: Clock;
  // biome-ignore lint/suspicious/noExplicitAny: what a handler receives does not matter here.
  readonly #codec: Codec<Payload, any>;
  readonly #telemetry: Telemetry | undefined;
  readonly #batcher: SendBatcher;
  /** Ends with the last send that has to wait for its turn. Undefined: the next one need not. */
  #lastTurn: Promise<void> | undefined;
  #isClosed = false;

  constructor(source: ProduceSource, options: ProducerOptions<Payload>) {
    const { queue, clock = new SystemClock(), random = new SystemRandom() } = options;
    this.#queue = queue;
    this.#clock = clock;
    this.#telemetry =
      options.telemetry && guardTelemetry(options.telemetry, `the producer of queue '${queue}'`, clock);
    // Without a codec, the payload is a Uint8Array.
    this.#codec = options.codec ?? (bytes as Codec<never, never>);
    this.#batcher = batcher(producePortOf(source, clock), options, { clock, random });
  }

  async send(payload: Payload, options: SendOptions = {}): Promise<SentItem> {
    if (this.#isClosed) throw new Error(errorText`the producer of queue '${this.#queue}' is closed`);
    if (this.#lastTurn !== undefined || !this.#batcher.hasRoom) return this.#sendInTurn(payload, options);
    const encoded = this.#codec.encode(payload);
    return encoded instanceof Promise
      ? this.#sendInTurn(payload, options, encoded)
      : this.#sendItem(this.#item(encoded, options));
  }

  #sendItem(item: PortNewItem): Promise<SentItem> {
    const run = async (tracePairs?: TracePairs) =>
      sentItem(await this.#batcher.send(tracePairs === undefined ? item : { ...item, tracePairs }));
    if (this.#telemetry === undefined) return run();
    return this.#telemetry.send({ queue: this.#queue, bytes: item.payload.length }, run);
  }

  async flush(): Promise<void> {
    await this.#lastTurn;
    await this.#batcher.idle();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flush();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Waits for the sends before this one, so that the order stays, then for room and for the codec. */
  async #sendInTurn(
    payload: Payload,
    options: SendOptions,
    encoded?: Promise<Uint8Array>,
  ): Promise<SentItem> {
    // It may be refused while it waits for its turn.
    encoded?.catch(() => {});
    const before = this.#lastTurn;
    const turn = Promise.withResolvers<void>();
    this.#lastTurn = turn.promise;
    let sent: Promise<SentItem>;
    try {
      await before;
      await this.#batcher.room();
      const written = encoded ?? this.#codec.encode(payload);
      sent = this.#sendItem(this.#item(await written, options));
    } finally {
      if (this.#lastTurn === turn.promise) this.#lastTurn = undefined;
      turn.resolve();
    }
    return sent;
  }

  #item(payload: Uint8Array, options: SendOptions): PortNewItem {
    const { kind = '', reference = '', encoding = this.#codec.encoding, dedupKey } = options;
    const metadata = metadataOf(options);
    return { payload, encoding, kind, reference, enqueueAt: this.#enqueueAt(options), dedupKey, metadata };
  }

  #enqueueAt({ at, delay }: SendOptions): Instant | undefined {
    if (at !== undefined && delay !== undefined) {
      throw new TypeError('delay is invalid; it cannot be used together with at');
    }
    if (delay !== undefined) return addDuration(this.#clock.now(), toDuration('delay', delay));
    return at === undefined ? undefined : toInstant('at', at);
  }
}

/** Undefined instead of empty: an item without metadata costs nothing. */
function metadataOf({ metadata = {} }: SendOptions): Metadata | undefined {
  const pairs = Object.entries(metadata);
  return pairs.length === 0 ? undefined : new Map(pairs);
}

function sentItem({ id, duplicate = false }: ProducedItem): SentItem {
  return { id, isDuplicate: duplicate };
}

function batcher<Payload>(
  port: ProducePort,
  options: ProducerOptions<Payload>,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): SendBatcher {
  const timeout = toDuration('timeout', options.timeout ?? DEFAULT_TIMEOUT);
  const { queue, requestsInFlight = 1, dedup = true, dedupWindow } = options;
  if (requestsInFlight !== 1 && requestsInFlight !== 2) {
    throw new TypeError(
      errorText`requestsInFlight is invalid; '${String(requestsInFlight)}' is neither 1 nor 2`,
    );
  }
  return new SendBatcher({
    ...{ port, queueName: queue, clock, random, requestsInFlight, dedups: dedup },
    timeoutMs: toMilliseconds(timeout),
    dedupWindow: dedupWindow === undefined ? windowFor(timeout) : toDuration('dedupWindow', dedupWindow),
    mostItems: atLeastOne('mostItems', options.mostItems ?? DEFAULT_MOST_ITEMS),
    mostBytes: atLeastOne('mostBytes', options.mostBytes ?? DEFAULT_MOST_BYTES),
  });
}

/** A key must outlast the last attempt, which may still be on its way when the timeout has passed. */
function windowFor(timeout: Duration): Duration {
  const twice = (timeout * 2n) as Duration;
  return twice > DEFAULT_DEDUP_WINDOW ? twice : DEFAULT_DEDUP_WINDOW;
}

function atLeastOne(name: string, count: number): number {
  if (count >= 1) return count;
  throw new TypeError(errorText`${name} is invalid; '${String(count)}' is not a number from 1 up`);
}
