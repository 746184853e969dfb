import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Instances } from './support/instances.ts';

const ITEMS = 400;

let both: Instances;

beforeAll(async () => {
  both = await Instances.start(2);
}, 60_000);
afterAll(() => both?.stop());

describe('order at two instances', { timeout: 60_000 }, () => {
  /**
   * Nobody leaves, and there is one partition: what the documentation excepts
   * from the order does not happen here.
   */
  test('a reader beside the producer, both alternating, gets items in the order of acknowledgement', async () => {
    await both.create(0, 'beside');
    const acknowledged: string[] = [];
    const produce = async () => {
      for (let n = 0; acknowledged.length < ITEMS; n++) {
        const texts = Array.from({ length: 1 + (n % 3) }, (_, i) => `item ${acknowledged.length + i}`);
        // Out of step with the reader, so that each meets the other at its own server and at the other one.
        await both.produce(Math.floor(n / 2) % 2, 'beside', texts);
        acknowledged.push(...texts);
      }
    };
    const taken: string[] = [];
    let waits = 0;
    const producing = produce();
    for (let n = 0; taken.length < ITEMS; n++) {
      // One that waits is handed items that are born leased where they are produced at its own server.
      const known = acknowledged.length;
      const items = await both.lease(n % 2, 'beside', { batch_size: 5 });
      if (known === taken.length) waits++;
      taken.push(...items.map(({ text }) => text));
    }
    await producing;
    while (taken.length < acknowledged.length) {
      taken.push(...(await both.lease(0, 'beside', { batch_size: 5 })).map(({ text }) => text));
    }
    expect(taken).toEqual(acknowledged);
    // Otherwise it was not beside it.
    expect(waits).toBeGreaterThan(ITEMS / 20);
  });
});
