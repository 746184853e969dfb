import process from 'node:process';
import {
  type Clock,
  type Duration,
  formatDuration,
  type Instant,
  milliseconds,
  millisecondsBetween,
  QueueError,
  type Random,
} from '@querator/core';
import { ClientError } from '../errors/client-error.ts';
import type { PortNewItem, ProducedItem, ProducePort } from '../port/produce-port.ts';
import { isTransient, isUnstored, pauseMsAfter } from '../retry-policy.ts';
import { sleep } from '../sleep.ts';

/** Dependencies and settings of the batcher. */
export interface SendBatcherDeps {
  readonly port: ProducePort;
  readonly queueName: string;
  readonly clock: Clock;
  readonly random: Random;
  /** The most requests in flight. With more than 1, requests may overtake each other. */
  readonly requestsInFlight: number;
  /** How long a request is tried, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether each request gets a dedup key, where the server knows keys. */
  readonly dedups: boolean;
  readonly dedupWindow: Duration | undefined;
  /** The most items that may wait or be on their way. */
  readonly mostItems: number;
  /** The most bytes of such items. */
  readonly mostBytes: number;
}

/** An item on its way. */
interface PendingSend {
  readonly item: PortNewItem;
  readonly bytes: number;
  readonly resolve: (produced: ProducedItem) => void;
  readonly reject: (error: unknown) => void;
}

/** The most items in a request. */
const MOST_ITEMS = 1_000;
/** What an item takes in a request besides its texts and payload, at most. */
const ITEM_OVERHEAD = 64;
/** What a pair of metadata takes besides its texts, at most. */
const PAIR_OVERHEAD = 12;
/** A single attempt waits at most so long at the server, in milliseconds. */
const LONGEST_ATTEMPT_MS = 10_000;
const SHORTEST_ATTEMPT_MS = 10;
/** So many characters of base62 are random enough never to meet again. */
const KEY_LENGTH = 22;

const NEVER = new AbortController().signal;

/**
 * Sends items, those that wait at the same time in one request. Keeps their order.
 * Repeats a request while that is safe, and gives each item its own result.
 */
export class SendBatcher {
  readonly #deps: SendBatcherDeps;
  #waiting: PendingSend[] = [];
  #requests = 0;
  #isScheduled = false;
  #whenEnded: (() => void)[] = [];
  /** The items that wait or are on their way, and their bytes. */
  #items = 0;
  #bytes = 0;

  constructor(deps: SendBatcherDeps) {
    this.#deps = deps;
  }

  /** Sends an item. @throws if it was not stored, or it is unknown whether it was. */
  send(item: PortNewItem): Promise<ProducedItem> {
    const bytes = bytesOf(item);
    this.#items++;
    this.#bytes += bytes;
    const { promise, resolve, reject } = Promise.withResolvers<ProducedItem>();
    const ended = () => {
      this.#items--;
      this.#bytes -= bytes;
    };
    this.#waiting.push({
      item,
      bytes,
      resolve: (produced) => {
        ended();
        resolve(produced);
      },
      reject: (error) => {
        ended();
        reject(error);
      },
    });
    this.#schedule();
    return promise;
  }

  /** Whether another item may be sent. */
  get hasRoom(): boolean {
    return this.#items < this.#deps.mostItems && this.#bytes < this.#deps.mostBytes;
  }

  /** Resolves once another item may be sent. */
  async room(): Promise<void> {
    while (!this.hasRoom) await this.#nextEnd();
  }

  /** Resolves once no item waits or is on its way. */
  async idle(): Promise<void> {
    while (this.#items > 0) await this.#nextEnd();
  }

  #nextEnd(): Promise<void> {
    return new Promise<void>((resolve) => this.#whenEnded.push(resolve));
  }

  /** Starts requests after the callbacks that are ready now, so that their items share one. */
  #schedule(): void {
    if (this.#isScheduled || this.#requests >= this.#deps.requestsInFlight) return;
    this.#isScheduled = true;
    process.nextTick(() => {
      this.#isScheduled = false;
      this.#start();
    });
  }

  #start(): void {
    while (this.#waiting.length > 0 && this.#requests < this.#deps.requestsInFlight) {
      this.#requests++;
      void this.#request(this.#next());
    }
  }

  /** The items of the next request: either all of them have a key of their own, or none has. */
  #next(): readonly PendingSend[] {
    const { mostBytes = Number.POSITIVE_INFINITY } = this.#deps.port;
    const isKeyed = this.#waiting[0]?.item.dedupKey !== undefined;
    let count = 0;
    let bytes = 0;
    for (const send of this.#waiting) {
      bytes += send.bytes;
      const fits = count === 0 || bytes <= mostBytes;
      if (!fits || count === MOST_ITEMS || (send.item.dedupKey !== undefined) !== isKeyed) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** Never rejects. */
  async #request(sends: readonly PendingSend[]): Promise<void> {
    try {
      await this.#discover();
      await this.#produce(sends);
    } catch (error) {
      for (const { reject } of sends) reject(error);
    }
    this.#requests--;
    this.#start();
    for (const resolve of this.#whenEnded.splice(0)) resolve();
  }

  /** @throws if the server does not tell in time what it can. */
  async #discover(): Promise<void> {
    const attempts = this.#attempts(undefined);
    for (;;) {
      try {
        return await this.#deps.port.discover?.();
      } catch (error) {
        if (!isTransient(error) || this.#isLate(attempts)) throw error;
        await this.#pause(attempts, error);
      }
    }
  }

  /** Never rejects. */
  async #produce(sends: readonly PendingSend[]): Promise<void> {
    const attempts = this.#attempts(this.#keyFor(sends));
    for (let left = sends; left.length > 0; ) {
      try {
        left = this.#settle(left, await this.#attempt(left, attempts), attempts);
        if (left.length > 0) await this.#pause(attempts, undefined);
      } catch (error) {
        if (left.length > 1 && isRefusal(error)) return this.#produceHalves(left);
        const isSafe = isNotStored(error) || attempts.dedupKey !== undefined || isKeyed(left);
        if (!isSafe || !isTransient(error) || this.#isLate(attempts)) {
          for (const { reject } of left) reject(error);
          return;
        }
        if (!isNotStored(error)) attempts.mayBeStored = true;
        // Another key may lead to another partition, which is in service.
        else if (!attempts.mayBeStored) attempts.dedupKey = this.#keyFor(left);
        await this.#pause(attempts, error);
      }
    }
  }

  /** Sends in halves, in order, what the server refuses as a whole: it does so even if one item is wrong. */
  async #produceHalves(sends: readonly PendingSend[]): Promise<void> {
    const middle = Math.ceil(sends.length / 2);
    await this.#produce(sends.slice(0, middle));
    await this.#produce(sends.slice(middle));
  }

  #attempts(dedupKey: string | undefined): Attempts {
    return { startedAt: this.#deps.clock.now(), dedupKey, mayBeStored: false, failures: 0 };
  }

  #keyFor(sends: readonly PendingSend[]): string | undefined {
    const { dedups, port, random } = this.#deps;
    return dedups && port.canDedup && !isKeyed(sends) ? random.base62(KEY_LENGTH) : undefined;
  }

  async #attempt(sends: readonly PendingSend[], attempts: Attempts): Promise<readonly ProducedItem[]> {
    const { port, queueName, dedupWindow } = this.#deps;
    const { dedupKey } = attempts;
    const attemptMs = Math.max(Math.min(this.#leftMs(attempts), LONGEST_ATTEMPT_MS), SHORTEST_ATTEMPT_MS);
    return port.produce({
      ...{ queueName, dedupKey, dedupWindow },
      requestTimeout: formatDuration(milliseconds(Math.ceil(attemptMs))),
      items: sends.map(({ item }) => item),
    });
  }

  /** Gives each item its result. @returns those to be sent again: their own keys make that safe. */
  #settle(
    sends: readonly PendingSend[],
    produced: readonly ProducedItem[],
    attempts: Attempts,
  ): readonly PendingSend[] {
    const mayRepeat = isKeyed(sends) && !this.#isLate(attempts);
    return sends.filter((send, n) => {
      const result = produced[n] ?? {};
      if (result.error === undefined) send.resolve(result);
      else if (mayRepeat && isTransient(result.error)) return true;
      else send.reject(result.error);
      return false;
    });
  }

  #isLate(attempts: Attempts): boolean {
    return this.#leftMs(attempts) <= 0;
  }

  #leftMs({ startedAt }: Attempts): number {
    return this.#deps.timeoutMs - millisecondsBetween(startedAt, this.#deps.clock.now());
  }

  async #pause(attempts: Attempts, error: unknown): Promise<void> {
    const { clock, random } = this.#deps;
    attempts.failures++;
    const pauseMs = pauseMsAfter(error, attempts.failures, random, BACK_OFF);
    // The last attempt is at the timeout: what was to take longer may have ended by then, such as a pause.
    await sleep(clock, Math.min(pauseMs, Math.max(this.#leftMs(attempts), 0)), NEVER);
  }
}

/** The attempts of one request. */
interface Attempts {
  readonly startedAt: Instant;
  dedupKey: string | undefined;
  /** Whether an attempt had an unknown outcome. Then only the same key is safe. */
  mayBeStored: boolean;
  failures: number;
}

/** A producer waits for its answer, so the pauses are shorter than those of a consumer. */
const BACK_OFF = { firstMs: 50, mostMs: 5_000 };

/** Whether nothing was stored, perhaps because of one item. */
function isRefusal(error: unknown): boolean {
  return error instanceof QueueError && error.code === 'invalid';
}

function isKeyed(sends: readonly PendingSend[]): boolean {
  return sends[0]?.item.dedupKey !== undefined;
}

/** Whether a failed produce certainly stored nothing. */
function isNotStored(error: unknown): boolean {
  if (error instanceof ClientError) return error.outcome === 'not-applied';
  if (!(error instanceof QueueError)) return false;
  return isUnstored(error) || error.code === 'failed' || error.code === 'limited';
}

function bytesOf({ payload, encoding, kind, reference, dedupKey = '', ...item }: PortNewItem): number {
  const pairs = [...(item.metadata ?? []), ...Object.entries(item.tracePairs ?? {})];
  const metadata = pairs.reduce((sum, [key, value]) => sum + key.length + value.length + PAIR_OVERHEAD, 0);
  const texts = encoding.length + kind.length + reference.length + dedupKey.length + metadata;
  // A UTF-16 unit takes at most 3 bytes of UTF-8.
  return payload.length + 3 * texts + ITEM_OVERHEAD;
}
