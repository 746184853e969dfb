import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PROCESS_PATIENCE as PATIENCE } from '../support/server-program.ts';
import { Ledger } from './support/ledger.ts';
import { Load } from './support/load.ts';
import { ServerProcesses } from './support/server-processes.ts';

/** How often an instance is killed and started again; `pnpm test:cluster` does it for minutes. */
const ROUNDS = Number(process.env['QUERATOR_KILLS'] ?? 1);
const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe('an instance of two that is killed under load', { timeout: 60_000 + ROUNDS * 20_000 }, () => {
  let both: ServerProcesses;

  beforeEach(async () => {
    both = await ServerProcesses.start({ count: 2 });
  }, 60_000);
  afterEach(() => both?.stop());

  test(`loses nothing that was acknowledged, and nothing is completed twice (seed ${SEED})`, async () => {
    const ledger = new Ledger();
    const load = new Load({ processes: both, ledger, seed: SEED });
    await load.createQueues();
    load.start();
    const moreBy = async (items: number) => {
      const [produced, completed] = [ledger.acknowledged, ledger.completed];
      await vi.waitFor(() => {
        expect(ledger.acknowledged).toBeGreaterThan(produced + items);
        expect(ledger.completed).toBeGreaterThan(completed + items);
      }, PATIENCE);
    };
    for (let round = 0; round < ROUNDS; round++) {
      const victim = round % 2;
      await moreBy(50);
      await both.kill(victim);
      // The other one goes on, with what the dead one had leased too.
      await moreBy(50);
      await both.startOne(victim);
    }
    await load.drain();
    expect(ledger.verdict()).toEqual([]);
  });
});
