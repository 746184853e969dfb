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
   * No consumer leaves, and there is one partition, so no documented exception
   * from the order applies.
   */
  test('a reader beside the producer, both alternating, gets items in the order of acknowledgement', async () => {
    await both.create(0, 'beside');
    const acknowledged: string[] = [];
    const produce = async () => {
      for (let n = 0; acknowledged.length < ITEMS; n++) {
        const texts = Array.from({ length: 1 + (n % 3) }, (_, i) => `item ${acknowledged.length + i}`);
        // Not in step with the reader, so that both meet at the same server and at different ones.
        await both.produce(Math.floor(n / 2) % 2, 'beside', texts);
        acknowledged.push(...texts);
      }
    };
    const taken: string[] = [];
    let waits = 0;
    const producing = produce();
    for (let n = 0; taken.length < ITEMS; n++) {
      // A waiting consumer gets items as born leased, if its own server produces them.
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
    // Otherwise the two did not run at the same time.
    expect(waits).toBeGreaterThan(ITEMS / 20);
  });
});
