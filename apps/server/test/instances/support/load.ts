import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '@querator/core/testing';
import { expect, vi } from 'vitest';
import { PROCESS_PATIENCE } from '../../support/server-program.ts';
import type { RawReply } from '../../support/test-server.ts';
import type { Ledger } from './ledger.ts';
import type { ServerProcesses } from './server-processes.ts';

/** The lease of a consumer. */
interface Held {
  readonly id: string;
  readonly text: string;
  readonly leaseDeadline: Date;
}

/** The parts of a load. */
export interface LoadOptions {
  readonly processes: ServerProcesses;
  readonly ledger: Ledger;
  readonly seed: number;
  /** The number of producers and consumers of each queue at each instance. */
  readonly perInstance?: number;
}

/** No reply, and replies with an unknown outcome, such as the internal error of a complete. */
const isUnknown = (reply: RawReply | undefined) =>
  reply === undefined ||
  (reply.status !== 200 && /unknown|storage|internal error/.test(reply.text)) ||
  reply.status >= 500;
/** The pause before a consumer sends another request. */
const LEASE_WAIT = '500ms';
/** The pause after a failure: a stopped server refuses at once, and immediate repetitions would load the machine. */
const REFUSED_PAUSE_MS = 50;

/**
 * Producers and consumers at every instance, which do all that clients do:
 * batches, schedules, completes, retries now and later, leases that end, and
 * retries as dead.
 */
export class Load {
  readonly #options: LoadOptions;
  readonly #random: SeededRandom;
  readonly #producers: Promise<void>[] = [];
  readonly #consumers: Promise<void>[] = [];
  #producing = true;
  #consuming = true;
  #names = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
  }

  /** Two queues with the features that faults affect: short leases, several partitions, dead letters. */
  async createQueues(): Promise<void> {
    const { processes } = this.#options;
    await processes.create(0, 'dead', { lease_timeout: '1s' });
    await processes.create(0, 'plain', { lease_timeout: '1s', requested_partitions: 3 });
    await processes.create(0, 'mortal', {
      ...{ lease_timeout: '1s', requested_partitions: 2, max_attempts: 2, dead_queue: 'dead' },
    });
  }

  start(): void {
    const { processes, perInstance = 1 } = this.#options;
    for (let instance = 0; instance < processes.count; instance++) {
      for (let n = 0; n < perInstance; n++) {
        for (const queue of ['plain', 'mortal']) {
          this.#producers.push(this.#produce(instance, queue));
          this.#consumers.push(this.#consume(instance, queue));
        }
        // A second letter of one move shows up only if the first one is completed at once.
        this.#consumers.push(this.#consume(instance, 'dead'));
      }
    }
  }

  /** Waits until a number of further items are acknowledged and completed. */
  async moreBy(items: number): Promise<void> {
    const { ledger } = this.#options;
    const [produced, completed] = [ledger.acknowledged, ledger.completed];
    await vi.waitFor(() => {
      expect(ledger.acknowledged).toBeGreaterThan(produced + items);
      expect(ledger.completed).toBeGreaterThan(completed + items);
    }, PROCESS_PATIENCE);
  }

  /** Stops the producers, and waits until consumers have completed all items. */
  async drain(patienceMs = 60_000): Promise<void> {
    this.#producing = false;
    await Promise.all(this.#producers);
    await vi.waitFor(
      async () => {
        const left = await this.#left();
        if (left > 0) throw new Error(`${left} items are left`);
      },
      { timeout: patienceMs, interval: 200 },
    );
    this.#consuming = false;
    await Promise.all(this.#consumers);
  }

  /** Stops everything at once. */
  async stop(): Promise<void> {
    this.#producing = false;
    this.#consuming = false;
    await Promise.allSettled([...this.#producers, ...this.#consumers]);
  }

  async #left(): Promise<number> {
    let left = 0;
    for (const queue_name of ['plain', 'mortal', 'dead']) {
      const { json } = await this.#options.processes.ask(0, 'queue.stats', { queue_name });
      for (const { total = 0, scheduled = 0 } of json.logicalQueues[0].partitions) {
        left += Number(total) + Number(scheduled);
      }
    }
    return left;
  }

  async #produce(instance: number, queue_name: string): Promise<void> {
    const { processes, ledger } = this.#options;
    const name = `${queue_name}-${instance}-${this.#names++}`;
    for (let n = 0; this.#producing; n++) {
      const enqueue_at = this.#chance(5) ? new Date(Date.now() + 300).toISOString() : undefined;
      const texts = Array.from(
        { length: 1 + Math.floor(this.#random.fraction() * 4) },
        (_, i) => `${name}-${n}-${i}`,
      );
      for (const text of texts) ledger.sent(text);
      const items = texts.map((utf8) => ({ utf8, ...(enqueue_at === undefined ? {} : { enqueue_at }) }));
      const reply = await processes.post(instance, 'queue.produce', {
        queue_name,
        request_timeout: '5s',
        items,
      });
      if (reply?.status === 200) for (const text of texts) ledger.produced(text);
      else if (!isUnknown(reply)) for (const text of texts) ledger.refused(text);
      if (reply === undefined) await delay(REFUSED_PAUSE_MS);
    }
  }

  async #consume(instance: number, queue_name: string): Promise<void> {
    const { processes, ledger } = this.#options;
    const client_id = `${instance}-${this.#names++}`;
    while (this.#consuming) {
      const body = { queue_name, client_id, batch_size: 8, request_timeout: LEASE_WAIT };
      const reply = await processes.post(instance, 'queue.lease', body);
      if (reply === undefined) await delay(REFUSED_PAUSE_MS);
      if (reply?.status !== 200) continue;
      const items: Held[] = reply.json.items.map(
        (item: { id: string; bytes: string; lease_deadline: string }) => ({
          ...{ id: item.id, text: Buffer.from(item.bytes, 'base64').toString() },
          leaseDeadline: new Date(item.lease_deadline),
        }),
      );
      for (const { text, leaseDeadline } of items) ledger.delivered(text, leaseDeadline);
      await this.#settle({ instance, queue_name, partition: reply.json.partition ?? 0 }, items);
    }
  }

  /** Lets the leases of some items end, retries others, and completes most of them. */
  async #settle(
    { instance, queue_name, partition }: { instance: number; queue_name: string; partition: number },
    items: readonly Held[],
  ): Promise<void> {
    const { processes, ledger } = this.#options;
    const isLast = queue_name === 'dead' || !this.#producing;
    const fates = Map.groupBy(items, () => (isLast ? 'complete' : this.#fate()));
    const retried = [
      ...(fates.get('retry') ?? []).map(({ id }) => ({ id })),
      ...(fates.get('later') ?? []).map(({ id }) => ({
        id,
        retry_at: new Date(Date.now() + 400).toISOString(),
      })),
      ...(fates.get('give up') ?? []).map(({ id }) => ({ id, dead: queue_name === 'mortal' })),
    ];
    if (retried.length > 0) {
      await processes.post(instance, 'queue.retry', { queue_name, partition, items: retried });
    }
    const done = fates.get('complete') ?? [];
    if (done.length === 0) return;
    const ids = done.map(({ id }) => id);
    const reply = await processes.post(instance, 'queue.complete', {
      ...{ queue_name, partition, ids, request_timeout: '5s' },
    });
    if (reply?.status === 200) for (const { text } of done) ledger.completedOne(text);
    else if (isUnknown(reply)) for (const { text } of done) ledger.perhapsCompletedOne(text);
  }

  #fate(): 'complete' | 'retry' | 'later' | 'give up' | 'abandon' {
    if (this.#chance(12)) return 'retry';
    if (this.#chance(12)) return 'later';
    if (this.#chance(20)) return 'give up';
    return this.#chance(20) ? 'abandon' : 'complete';
  }

  #chance(oneIn: number): boolean {
    return this.#random.fraction() * oneIn < 1;
  }
}
