import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PROCESS_PATIENCE as PATIENCE } from '../support/server-program.ts';
import { ClientLoad } from './support/client-load.ts';
import { ServerProcesses } from './support/server-processes.ts';

/** How often all instances are restarted, one after the other. `pnpm test:cluster` does it for minutes. */
const ROUNDS = Number(process.env['QUERATOR_RESTARTS'] ?? 1);

describe('a rolling restart under load', { timeout: 90_000 + ROUNDS * 50_000 }, () => {
  let both: ServerProcesses;
  let load: ClientLoad;

  beforeEach(async () => {
    both = await ServerProcesses.start({ count: 2 });
  }, 60_000);
  afterEach(async () => {
    await load?.stop();
    await both?.stop();
  });

  test('loses nothing, and clients get no errors but those of a shutdown', async () => {
    load = new ClientLoad(both.urls);
    const { ledger } = load;
    await both.create(0, 'q', { requested_partitions: 2, lease_timeout: '10s' });
    const left = async () => {
      const { json } = await both.ask(0, 'queue.stats', { queue_name: 'q' });
      const totals = json.logicalQueues[0].partitions.map(({ total = 0 }) => Number(total));
      return totals.reduce((sum: number, total: number) => sum + total, 0);
    };
    await both.create(0, 'idle');
    load.start('q', 4);
    load.startIdle('idle', 4);
    const moreBy = async (items: number) => {
      const before = ledger.acknowledged;
      await vi.waitFor(() => expect(ledger.acknowledged).toBeGreaterThan(before + items), PATIENCE);
    };
    for (let restart = 0; restart < 2 * ROUNDS; restart++) {
      await moreBy(60);
      load.stops(restart % 2);
      expect(await both.terminate(restart % 2)).toBe(0);
      await moreBy(30);
      await both.startOne(restart % 2);
    }
    await moreBy(30);
    await load.drain(() => vi.waitFor(async () => expect(await left()).toBe(0), PATIENCE));
    expect(load.complaints).toEqual([]);
    // Otherwise the test shows nothing.
    expect(load.absorbed).toBeGreaterThan(0);
    expect(ledger.undelivered).toEqual([]);
    expect(ledger.faults()).toEqual([]);
  });
});
