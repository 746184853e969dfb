import { setTimeout as delay } from 'node:timers/promises';
import { Ledger } from '@querator/tooling-load';
import type { Answer, ServerProcess } from '@querator/tooling-processes';
import { expect, vi } from 'vitest';

/** The pause of a client after an answer that asks it to try again. */
const BACK_OFF_MS = 20;
/** A consumer tries to complete its items for that long. */
const COMPLETE_LIMIT_MS = 60_000;
/** Enough for thousands of items on a busy machine. */
const PROGRESS = { timeout: 120_000, interval: 50 };

type Work = 'produce' | 'complete';
type Settlement = 'complete' | 'retry' | 'later';

export interface LoadOptions {
  readonly queue: string;
  readonly partitions: number;
  /** The largest number of items of a produce, and of a lease. */
  readonly batches: { readonly produce: number; readonly lease: number };
  /** The payload of an item. */
  readonly payload: () => string;
}

const DEFAULTS: LoadOptions = {
  ...{ queue: 'load', partitions: 2 },
  batches: { produce: 9, lease: 20 },
  payload: () => '',
};

/**
 * Producers and consumers on several servers, each with one request at a time.
 * One produce in ten is scheduled. Of ten leased batches one goes back, now or
 * later, and nine are completed.
 */
export class Load {
  readonly ledger = new Ledger();
  readonly #servers: readonly ServerProcess[];
  readonly #options: LoadOptions;
  /** The times of successful answers, on the monotonic clock. */
  readonly #successes: Record<Work, number[]> = { produce: [], complete: [] };
  #running = false;
  /** On the monotonic clock. */
  #endedAt = Number.POSITIVE_INFINITY;
  #workers: readonly Promise<void>[] = [];

  constructor(servers: readonly ServerProcess[], options: Partial<LoadOptions> = {}) {
    this.#servers = servers;
    this.#options = { ...DEFAULTS, ...options };
  }

  async createQueue(): Promise<void> {
    const { queue, partitions } = this.#options;
    await this.#servers[0]?.createQueue(queue, { lease_timeout: '10s', requested_partitions: partitions });
  }

  /** Creates the queue and starts producers and consumers, `each` of both at each server. */
  async start(each: number): Promise<void> {
    await this.createQueue();
    this.#running = true;
    this.#workers = this.#servers.flatMap((server, s) =>
      Array.from({ length: each }, (_, i) => `${s}-${i}`).flatMap((name) => [
        this.#produce(server, name),
        this.#consume(server, name),
      ]),
    );
    // `settle` throws their errors; a test that has failed before does not call it.
    for (const worker of this.#workers) worker.catch(() => {});
  }

  /** Waits until `count` more items are acknowledged, and as many completed. */
  async more(count: number): Promise<void> {
    const { acknowledged, completions } = this.ledger;
    await vi.waitFor(() => {
      expect(this.ledger.acknowledged - acknowledged).toBeGreaterThan(count);
      expect(this.ledger.completions - completions).toBeGreaterThan(count);
    }, PROGRESS);
  }

  /**
   * The longest time between two successes of a running load.
   *
   * @param since the monotonic clock; earlier successes do not count.
   * @returns milliseconds.
   */
  gap(work: Work, since: number): number {
    const times = this.#successes[work];
    let longest = 0;
    for (const [i, time] of times.entries()) {
      if (time >= since && time <= this.#endedAt && i > 0)
        longest = Math.max(longest, time - (times[i - 1] ?? time));
    }
    return Math.round(longest);
  }

  /** Milliseconds from a moment of the monotonic clock to the first success after it. */
  firstAfter(work: Work, moment: number): number {
    const first = this.#successes[work].find((time) => time >= moment) ?? Number.POSITIVE_INFINITY;
    return Math.round(first - moment);
  }

  /** Stops the load, then leases and completes everything, scheduled items and ended leases included. */
  async settle(): Promise<void> {
    this.#running = false;
    this.#endedAt = performance.now();
    await Promise.all(this.#workers);
    const [server] = this.#servers;
    if (server === undefined) return;
    while (!(await this.#isEmpty(server))) await this.#consumeOnce(server, 'settle', 'complete');
  }

  /** Produces items of these names and records the answer. @param schedule milliseconds since the epoch. */
  async produceOnce(
    server: ServerProcess,
    names: readonly string[],
    { request_timeout = '10s', schedule = 0 } = {},
  ): Promise<Answer> {
    const at = schedule === 0 ? {} : { enqueue_at: new Date(schedule).toISOString() };
    for (const name of names) this.ledger.expect(name, schedule);
    const answer = await server.post('queue.produce', {
      ...{ queue_name: this.#options.queue, request_timeout },
      items: names.map((reference) => ({ reference, utf8: this.#options.payload(), ...at })),
    });
    const isUnknown = answer.message.includes('outcome unknown');
    const what = answer.status === 200 ? 'acknowledged' : isUnknown ? 'unknown' : 'refused';
    for (const name of names) this.ledger.produced(name, what);
    if (answer.status === 200) this.#successes.produce.push(performance.now());
    return answer;
  }

  async #isEmpty(server: ServerProcess): Promise<boolean> {
    const { status, json } = await server.post('queue.stats', { queue_name: this.#options.queue });
    if (status !== 200) return false;
    const partitions = json.logicalQueues[0].partitions as Record<string, number | undefined>[];
    return partitions.every(({ total, scheduled, failures }) => !total && !scheduled && !failures);
  }

  async #produce(server: ServerProcess, name: string): Promise<void> {
    for (let n = 0; this.#running; n++) {
      const length = 1 + (n % this.#options.batches.produce);
      const names = Array.from({ length }, (_, i) => `${name}-${n}-${i}`);
      const schedule = n % 10 === 9 ? Date.now() + 1_000 + (n % 3) * 1_000 : 0;
      const answer = await this.produceOnce(server, names, { schedule });
      if (answer.status !== 200) await this.#backOff(answer);
    }
  }

  async #consume(server: ServerProcess, name: string): Promise<void> {
    for (let n = 0; this.#running; n++) {
      await this.#consumeOnce(server, name, n % 10 === 9 ? (n % 20 === 9 ? 'retry' : 'later') : 'complete');
    }
  }

  async #consumeOnce(server: ServerProcess, name: string, settlement: Settlement) {
    const { queue: queue_name, batches } = this.#options;
    const request = { queue_name, client_id: `consumer-${name}`, request_timeout: '1s' };
    const leased = await server.post('queue.lease', { ...request, batch_size: batches.lease });
    if (leased.status !== 200) return await this.#backOff(leased);
    const items = (leased.json.items as Record<string, string>[]).map((item) => ({
      id: item['id'] ?? '',
      name: item['reference'] ?? '',
      deadline: Date.parse(item['lease_deadline'] ?? item['leaseDeadline'] ?? ''),
    }));
    for (const item of items) this.ledger.delivered(item);
    const place = { queue_name, partition: leased.json.partition ?? 0 };
    const names = items.map((item) => item.name);
    if (settlement === 'complete') {
      const ids = items.map(({ id }) => id);
      return await this.#complete(server, { ...place, ids, request_timeout: '10s' }, names);
    }
    const dueAt = settlement === 'later' ? Date.now() + 1_500 : 0;
    for (const each of names) this.ledger.retrying(each, dueAt);
    const at = dueAt === 0 ? {} : { retry_at: new Date(dueAt).toISOString() };
    const retried = await server.post('queue.retry', {
      ...place,
      items: items.map(({ id }) => ({ id, ...at })),
    });
    // 400: the lease has ended, and another consumer gets the items.
    if (retried.status !== 200 && retried.status !== 400) await this.#backOff(retried);
  }

  /** Repeats a complete until the answer is definite, as the documentation asks of clients. */
  async #complete(server: ServerProcess, request: object, names: readonly string[]): Promise<void> {
    const giveUpAt = performance.now() + COMPLETE_LIMIT_MS;
    for (let perhaps = false; performance.now() < giveUpAt; ) {
      const { era } = this.ledger;
      const answer = await server.post('queue.complete', request);
      if (answer.status === 200) {
        for (const name of names) this.ledger.completed(name, 'yes', era);
        this.#successes.complete.push(performance.now());
        return;
      }
      // 400: an earlier attempt has completed them, or the lease has ended.
      if (answer.status === 400) return;
      if (!perhaps && answer.message.startsWith('internal error')) {
        perhaps = true;
        for (const name of names) this.ledger.completed(name, 'perhaps');
      }
      await this.#backOff(answer);
    }
  }

  /** @throws Error for any status but 454, which asks the client to try again. */
  async #backOff({ status, message }: Pick<Answer, 'status' | 'message'>): Promise<void> {
    if (status !== 454) throw new Error(`${status} ${message}`);
    await delay(BACK_OFF_MS);
  }
}
