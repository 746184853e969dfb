import { describe, expect, test } from 'vitest';
import { Harness, payloadOf, watch } from './support/harness.ts';

const texts = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n}`);

describe('a statement of many items', () => {
  test('may take longer than one of few before no other joins it', async () => {
    const h = new Harness({ statementsInFlight: 3, slowMs: 25, slowItemMs: 0.02 });
    await h.create('large');
    await h.create('small');
    await h.service.queue.stats('large');
    await h.service.queue.stats('small');
    const letGo = h.storage.hold('produce', 0);
    const all = [h.produce('large', texts('a', 1_000)), h.produce('small', texts('a', 10))];
    await h.clock.advance('30ms');
    all.push(h.produce('large', texts('b', 1_000)), h.produce('small', texts('b', 100)));
    await h.settle();
    // That of the large queue went, that of the small one waits.
    expect(h.storage.count('produce')).toBe(3);
    await h.clock.advance('15ms');
    all.push(h.produce('large', texts('c', 1_000)));
    await h.settle();
    expect(h.storage.count('produce')).toBe(3);
    letGo();
    await Promise.all(all);
    expect(h.storage.count('produce')).toBe(5);
  });

  test('may take longer before its consumers are served from another partition', async () => {
    const h = new Harness({ slowMs: 25, slowItemMs: 0.02 });
    await h.create('q', { requestedPartitions: 2 });
    await h.service.queue.stats('q');
    await h.produce('q', texts('a', 1_000));
    const letGo = h.storage.hold('lease', 0);
    const answer = watch(h.lease('q', 1_000));
    await h.settle();
    await h.produce('q', ['b']);
    await h.clock.advance('44ms');
    expect(answer.state).toBe('pending');
    await h.clock.advance('1ms');
    expect(answer.value?.partition).toBe(1);
    letGo();
    await h.settle();
  });

  test('is let through only while no two full ones are under way', async () => {
    const h = new Harness({ statementsInFlight: 3, statementItems: 100 });
    await h.create('q');
    await h.service.queue.stats('q');
    const letGo = h.storage.hold('produce', 0);
    const all: Promise<void>[] = [];
    for (const name of ['a', 'b', 'c']) {
      all.push(h.produce('q', texts(name, 100)));
      await h.settle();
    }
    expect(h.storage.count('produce')).toBe(2);
    letGo();
    await Promise.all(all);
    expect(await h.payloads('q')).toHaveLength(300);
  });

  test('is one by what it writes, not by what consumers would take', async () => {
    const h = new Harness({ statementsInFlight: 3, statementItems: 100 });
    await h.create('q');
    const leased = [h.lease('q', 1_000), h.lease('q', 1_000)];
    await h.settle();
    const letGo = h.storage.hold('produceAndLease', 0);
    const produced = [h.produce('q', ['a'])];
    await h.settle();
    produced.push(h.produce('q', ['b']));
    await h.settle();
    expect(h.storage.count('produceAndLease')).toBe(2);
    letGo();
    await Promise.all(produced);
    const items = (await Promise.all(leased)).flatMap((each) => each.items);
    expect(items.map(payloadOf)).toEqual(['a', 'b']);
  });
});
