import type { Load } from '@querator/tooling-load';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { faultLoad } from '../instances/support/fault-load.ts';
import { ServerProcesses } from '../instances/support/server-processes.ts';

const OLDER_MAIN = process.env['QUERATOR_OLDER_MAIN'];
const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** The earlier version moves dead items in the same way as this one. */
describe('a rolling upgrade during retries and dead-letter moves', { timeout: 180_000 }, () => {
  let both: ServerProcesses;
  let load: Load | undefined;

  beforeEach(async () => {
    both = await ServerProcesses.start({ count: 2, main: OLDER_MAIN });
  }, 60_000);
  afterEach(async () => {
    await load?.stop();
    await both?.stop();
  });

  test(`loses no item, and completes none twice, nor as an item and as a letter (seed ${SEED})`, async () => {
    load = faultLoad(both, SEED);
    await load.createQueues();
    load.start(1);
    await load.more(300);
    for (const instance of [0, 1]) {
      expect(await both.terminate(instance)).toBe(0);
      await both.startOne(instance);
      // Between the two upgrades, each version continues moves that the other one began.
      await load.more(300);
    }
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
  });
});
