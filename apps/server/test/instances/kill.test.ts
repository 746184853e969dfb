import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { faultLoad } from './support/fault-load.ts';
import { ServerProcesses } from './support/server-processes.ts';

/** How often an instance is killed and restarted. `pnpm test:cluster` does it for minutes. */
const ROUNDS = Number(process.env['QUERATOR_KILLS'] ?? 1);
const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe('an instance of two that is killed under load', { timeout: 90_000 + ROUNDS * 30_000 }, () => {
  let both: ServerProcesses;

  beforeEach(async () => {
    both = await ServerProcesses.start({ count: 2 });
  }, 60_000);
  afterEach(() => both?.stop());

  /** Leases an item of the queue without load. Waits longer than the interval at which instances poll for deadlines. */
  async function lease(instance: number): Promise<{ readonly id: string; readonly text: string }> {
    const { json } = await both.ask(instance, 'queue.lease', {
      ...{ queue_name: 'left', batch_size: 1, client_id: 'c', request_timeout: '14s' },
    });
    const [{ id, bytes }] = json.items;
    return { id, text: Buffer.from(bytes, 'base64').toString() };
  }

  test(`loses nothing that was acknowledged, and nothing is completed twice (seed ${SEED})`, async () => {
    const load = faultLoad(both, SEED);
    await load.createQueues();
    load.start(1);
    await both.create(0, 'left', { lease_timeout: '1s' });
    for (let round = 0; round < ROUNDS; round++) {
      const [victim, survivor] = [round % 2, (round + 1) % 2];
      await load.more(50);
      // The queue is active at the survivor too, but only the victim knows these deadlines.
      await both.ask(survivor, 'queue.stats', { queue_name: 'left' });
      const soon = { utf8: `scheduled ${round}`, enqueue_at: new Date(Date.now() + 1_000).toISOString() };
      await both.ask(victim, 'queue.produce', {
        ...{ queue_name: 'left', request_timeout: '5s', items: [{ utf8: `leased ${round}` }, soon] },
      });
      expect((await lease(victim)).text).toBe(`leased ${round}`);
      await both.kill(victim);
      await load.more(50);
      // Only the survivor could: the victim is still dead.
      const served: string[] = [];
      for (const _ of ['leased', 'scheduled']) {
        const { id, text } = await lease(survivor);
        await both.ask(survivor, 'queue.complete', { queue_name: 'left', ids: [id], request_timeout: '5s' });
        served.push(text);
      }
      expect(served.sort()).toEqual([`leased ${round}`, `scheduled ${round}`]);
      await both.startOne(victim);
    }
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
  });
});
