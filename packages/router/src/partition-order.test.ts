import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PartitionOrder } from './partition-order.ts';

interface Load {
  id: number;
  failures: number;
  load: number;
}

const loads = (...counts: number[]): Load[] => counts.map((load, id) => ({ id, failures: 0, load }));
const any = () => true;

/** Sends requests of these sizes one after the other, as the engine does. Returns the partition of each. */
function produceAll(partitions: Load[], requests: number[]): number[] {
  const order = new PartitionOrder(partitions);
  return requests.map((items) => {
    const chosen = order.leastLoaded(any) as Load;
    chosen.load += items;
    order.changed(chosen);
    return chosen.id;
  });
}

describe('the choice of a partition', () => {
  test('distributes requests like the reference server', () => {
    const three = loads(0, 0, 0);
    expect(produceAll(three, [1, 2, 3, 4, 5])).toEqual([0, 1, 2, 0, 1]);
    expect(three.map(({ load }) => load)).toEqual([5, 7, 3]);

    expect(produceAll(loads(50, 30, 100, 0), [20, 100, 100])).toEqual([3, 3, 1]);
    expect(produceAll(loads(0, 0), [10, 11])).toEqual([0, 1]);

    const two = loads(0, 0);
    produceAll(two, [10, 10, 10, 10, 10]);
    expect(two.map(({ load }) => load)).toEqual([30, 20]);
  });

  test('selects the fullest for a lease, on a tie the last in order', () => {
    expect(new PartitionOrder(loads(3, 9, 4)).fullest(any)?.id).toBe(1);
    expect(new PartitionOrder(loads(5, 5, 5)).fullest(any)?.id).toBe(2);
  });

  test('never selects a failing partition, however empty or full', () => {
    const partitions = loads(0, 7, 100);
    (partitions[0] as Load).failures = 1;
    (partitions[2] as Load).failures = 3;
    const order = new PartitionOrder(partitions);
    expect(order.leastLoaded(any)?.id).toBe(1);
    expect(order.fullest(any)?.id).toBe(1);
    (partitions[1] as Load).failures = 1;
    order.changed(partitions[1] as Load);
    expect(order.leastLoaded(any)).toBeUndefined();
    expect(order.fullest(any)).toBeUndefined();
  });

  test('selects only partitions that pass the test', () => {
    const order = new PartitionOrder(loads(1, 2, 3));
    expect(order.leastLoaded(({ id }) => id > 0)?.id).toBe(1);
    expect(order.fullest(({ id }) => id < 2)?.id).toBe(1);
  });

  test('has the order of a stable sort after any changes', () => {
    const change = fc.record({ at: fc.nat(7), load: fc.nat(5), failures: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const partitions = loads(0, 0, 0, 0, 0, 0, 0, 0);
        const order = new PartitionOrder(partitions);
        let model = [...partitions];
        for (const { at, load, failures } of changes) {
          const partition = partitions[at] as Load;
          partition.load = load;
          partition.failures = failures;
          order.changed(partition);
          model = model.sort((a, b) => a.failures - b.failures || a.load - b.load);
          const healthy = model.filter((p) => p.failures === 0);
          expect(order.leastLoaded(any)).toBe(healthy[0]);
          expect(order.fullest(any)).toBe(healthy.at(-1));
        }
      }),
    );
  });
});
