import { setTimeout as delay } from 'node:timers/promises';
import { expect, vi } from 'vitest';
import { Books } from './books.ts';
import type { Answer, ServerProcess } from './server-process.ts';

const QUEUE = 'load';
const ITEMS_PER_PRODUCE = 5;
const ITEMS_PER_LEASE = 20;
/** What a client that was told to try again waits. */
const BACK_OFF_MS = 20;
/** How long a consumer goes on trying to complete what it has. */
const GIVE_UP_MS = 60_000;

/** Thousands of items on a machine that is busy. */
const LOAD_PATIENCE = { timeout: 120_000, interval: 50 };

type Work = 'produce' | 'complete';

/**
 * Producers and consumers on several servers, each with one request at a time.
 * One item in ten is scheduled, one batch in ten goes back, half of them for
 * later; all others are completed.
 */
export class Load {
  readonly books = new Books();
  readonly #servers: readonly ServerProcess[];
  /** When each kind of request was answered with success, on the monotonic clock. */
  readonly #successes: Record<Work, number[]> = { produce: [], complete: [] };
  #running = false;
  /** On the monotonic clock; infinite: it runs. */
  #endedAt = Number.POSITIVE_INFINITY;
  #workers: readonly Promise<void>[] = [];

  constructor(servers: readonly ServerProcess[]) {
    this.#servers = servers;
  }

  /** Creates the queue and starts so many producers, and as many consumers, at each server. */
  async start(each: number): Promise<void> {
    const settings = { lease_timeout: '10s', requested_partitions: 2 };
    await this.#servers[0]?.createQueue(QUEUE, settings);
    this.#running = true;
    this.#workers = this.#servers.flatMap((server, s) =>
      Array.from({ length: each }, (_, i) => `${s}-${i}`).flatMap((name) => [
        this.#produce(server, name),
        this.#consume(server, name),
      ]),
    );
    // What goes wrong with one is thrown by `settle`; a test that failed before does not get there.
    for (const worker of this.#workers) worker.catch(() => {});
  }

  /** Waits until so many more items were acknowledged, and as many completed. */
  async more(count: number): Promise<void> {
    const { acknowledged, completions } = this.books;
    await vi.waitFor(() => {
      expect(this.books.acknowledged - acknowledged).toBeGreaterThan(count);
      expect(this.books.completions - completions).toBeGreaterThan(count);
    }, LOAD_PATIENCE);
  }

  /**
   * The longest time, in milliseconds, from one success to the next while the
   * load ran, since a moment of the monotonic clock.
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

  /** How long, in milliseconds, the first success after a moment of the monotonic clock took to come. */
  firstAfter(work: Work, moment: number): number {
    const first = this.#successes[work].find((time) => time >= moment) ?? Number.POSITIVE_INFINITY;
    return Math.round(first - moment);
  }

  /** Ends the load, then leases and completes all there is, whatever has to come due or run out for that. */
  async settle(): Promise<void> {
    this.#running = false;
    this.#endedAt = performance.now();
    await Promise.all(this.#workers);
    const [server] = this.#servers;
    if (server === undefined) return;
    while (!(await this.#isEmpty(server))) await this.#consumeOnce(server, 'settle', 'complete');
  }

  async #isEmpty(server: ServerProcess): Promise<boolean> {
    const { status, json } = await server.post('queue.stats', { queue_name: QUEUE });
    if (status !== 200) return false;
    const partitions = json.logicalQueues[0].partitions as Record<string, number | undefined>[];
    return partitions.every(({ total, scheduled, failures }) => !total && !scheduled && !failures);
  }

  async #produce(server: ServerProcess, name: string): Promise<void> {
    for (let n = 0; this.#running; n++) {
      const payloads = Array.from({ length: ITEMS_PER_PRODUCE }, (_, i) => `${name}-${n}-${i}`);
      const dueAt = n % 10 === 9 ? Date.now() + 1_000 + (n % 3) * 1_000 : 0;
      const schedule = dueAt === 0 ? {} : { enqueue_at: new Date(dueAt).toISOString() };
      for (const payload of payloads) this.books.expect(payload, dueAt);
      const { status, message } = await server.post('queue.produce', {
        ...{ queue_name: QUEUE, request_timeout: '10s' },
        items: payloads.map((utf8) => ({ utf8, ...schedule })),
      });
      const isUnknown = message.includes('outcome unknown');
      const what = status === 200 ? 'acknowledged' : isUnknown ? 'unknown' : 'refused';
      for (const payload of payloads) this.books.produced(payload, what);
      if (status === 200) this.#successes.produce.push(performance.now());
      else await this.#backOff({ status, message });
    }
  }

  async #consume(server: ServerProcess, name: string): Promise<void> {
    for (let n = 0; this.#running; n++) {
      await this.#consumeOnce(server, name, n % 10 === 9 ? (n % 20 === 9 ? 'retry' : 'later') : 'complete');
    }
  }

  async #consumeOnce(server: ServerProcess, name: string, how: 'complete' | 'retry' | 'later') {
    const request = { queue_name: QUEUE, client_id: `consumer-${name}`, request_timeout: '1s' };
    const leased = await server.post('queue.lease', { ...request, batch_size: ITEMS_PER_LEASE });
    if (leased.status !== 200) return await this.#backOff(leased);
    const items = (leased.json.items as Record<string, string>[]).map((item) => ({
      id: item['id'] ?? '',
      payload: Buffer.from(item['bytes'] ?? '', 'base64').toString(),
      deadline: Date.parse(item['lease_deadline'] ?? item['leaseDeadline'] ?? ''),
    }));
    for (const item of items) this.books.delivered(item);
    const place = { queue_name: QUEUE, partition: leased.json.partition ?? 0 };
    if (how === 'complete') {
      const ids = items.map(({ id }) => id);
      const payloads = items.map(({ payload }) => payload);
      return await this.#complete(server, { ...place, ids, request_timeout: '10s' }, payloads);
    }
    const dueAt = how === 'later' ? Date.now() + 1_500 : 0;
    for (const { payload } of items) this.books.retrying(payload, dueAt);
    const at = dueAt === 0 ? {} : { retry_at: new Date(dueAt).toISOString() };
    const retried = await server.post('queue.retry', {
      ...place,
      items: items.map(({ id }) => ({ id, ...at })),
    });
    // Gone: the lease has run out, and somebody else gets them.
    if (retried.status !== 200 && retried.status !== 400) await this.#backOff(retried);
  }

  /** As the documentation asks of clients: again, until the answer is a definite one. */
  async #complete(server: ServerProcess, request: object, payloads: readonly string[]): Promise<void> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (let perhaps = false; performance.now() < giveUpAt; ) {
      const { era } = this.books;
      const answer = await server.post('queue.complete', request);
      if (answer.status === 200) {
        for (const payload of payloads) this.books.completed(payload, 'yes', era);
        this.#successes.complete.push(performance.now());
        return;
      }
      // Gone: by an earlier attempt of ours, or the lease has run out and somebody else gets them.
      if (answer.status === 400) return;
      if (!perhaps && answer.message.startsWith('internal error')) {
        perhaps = true;
        for (const payload of payloads) this.books.completed(payload, 'perhaps');
      }
      await this.#backOff(answer);
    }
  }

  /** Only "try again" is an answer that a client has to live with. */
  async #backOff({ status, message }: Pick<Answer, 'status' | 'message'>): Promise<void> {
    if (status !== 454) throw new Error(`${status} ${message}`);
    await delay(BACK_OFF_MS);
  }
}
