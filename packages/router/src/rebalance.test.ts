import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PlacedPartition, planRebalance, type RebalanceMove } from './rebalance.ts';

/** Storages `s0`, `s1`, … with these affinities. */
const weigh = (...affinities: number[]) => affinities.map((affinity, i) => ({ name: `s${i}`, affinity }));

/** The partitions of each storage, by their weights. Each is the only one of its queue. */
function place(...weights: number[][]): PlacedPartition[] {
  let queues = 0;
  return weights.flatMap((list, i) =>
    list.map((weight) => ({ queue: `q${queues++}`, partition: 0, storage: `s${i}`, weight })),
  );
}

function apply(partitions: readonly PlacedPartition[], moves: readonly RebalanceMove[]): PlacedPartition[] {
  const targets = new Map(moves.map(({ queue, partition, to }) => [`${partition} ${queue}`, to]));
  return partitions.map((each) => ({
    ...each,
    storage: targets.get(`${each.partition} ${each.queue}`) ?? each.storage,
  }));
}

function sums(partitions: readonly PlacedPartition[], storages: number): number[] {
  const held = Array.from({ length: storages }, () => 0);
  for (const { storage, weight } of partitions) {
    const at = Number(storage.slice(1));
    held[at] = (held[at] ?? 0) + weight;
  }
  return held;
}

describe('a plan of moves', () => {
  test.each([
    // An empty storage gets its share.
    [
      [1, 1],
      [[1, 1, 1, 1], []],
      [2, 2],
    ],
    [
      [1, 3],
      [[1, 1, 1, 1, 1, 1, 1, 1], []],
      [2, 6],
    ],
    [
      [1, 1, 1],
      [[1, 1, 1, 1, 1, 1], [], []],
      [2, 2, 2],
    ],
    // By what partitions hold, not by their number.
    [
      [1, 1],
      [
        [100, 1, 1],
        [1, 1, 1],
      ],
      [102, 3],
    ],
    [
      [1, 1],
      [[60, 60, 60, 60], [1]],
      [120, 121],
    ],
    // Nothing gains.
    [
      [1, 1],
      [[1, 1], [1]],
      [2, 1],
    ],
    [[1], [[5, 5]], [10]],
    [
      [1, 1],
      [[], []],
      [0, 0],
    ],
    [
      [1, 1],
      [[100], []],
      [100, 0],
    ],
    // A difference of less than a fifth of the mean is none.
    [
      [1, 1],
      [Array(11).fill(10), Array(10).fill(10)],
      [110, 100],
    ],
    // A storage with affinity 0 gives nothing and gets nothing.
    [
      [1, 0],
      [
        [1, 1],
        [1, 1, 1, 1],
      ],
      [2, 4],
    ],
    [
      [1, 0, 1],
      [[1, 1, 1, 1], [], []],
      [2, 0, 2],
    ],
  ] as [number[], number[][], number[]][])(
    'affinities %j, holding %j, lead to %j',
    (affinities, weights, expected) => {
      const partitions = place(...weights);
      const moves = planRebalance(weigh(...affinities), partitions);
      expect(sums(apply(partitions, moves), affinities.length)).toEqual(expected);
    },
  );

  test('begins with the move that helps most, and takes no more than it needs', () => {
    const moves = planRebalance(weigh(1, 1), place([50, 20, 10, 10, 10], []));
    expect(moves.map(({ weight }) => weight)).toEqual([50]);
  });

  test('spreads the partitions of a queue', () => {
    const partitions = ['a', 'b'].flatMap((queue) =>
      [0, 1].map((partition) => ({ queue, partition, storage: 's0', weight: 1 })),
    );
    const moves = planRebalance(weigh(1, 1), partitions);
    expect(moves.map(({ queue, partition }) => [queue, partition])).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
  });

  test('leaves tiny partitions alone', () => {
    const partitions = place([100, ...Array(50).fill(0.5)], []);
    const moves = planRebalance(weigh(1, 1), partitions);
    expect(moves.map(({ weight }) => weight)).toEqual([100]);
    expect(planRebalance(weigh(1, 1), place([100, 0.1, 0.1], []))).toHaveLength(0);
  });

  test('counts a partition that is not to move', () => {
    const [fixed, ...others] = place([100, 40, 40], [60]);
    const partitions = [{ ...(fixed as PlacedPartition), isFixed: true }, ...others];
    expect(planRebalance(weigh(1, 1), partitions).map(({ weight }) => weight)).toEqual([40]);
    expect(
      planRebalance(
        weigh(1, 1),
        partitions.map((each) => ({ ...each, isFixed: true })),
      ),
    ).toEqual([]);
  });

  test('moves only where it can', () => {
    const partitions = place([1, 1, 1, 1, 1, 1], [], []);
    const moves = planRebalance(weigh(1, 1, 1), partitions, (_, to) => to !== 's1');
    expect(new Set(moves.map(({ to }) => to))).toEqual(new Set(['s2']));
  });

  const weights = fc.array(
    fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 1_000_000 })),
    { maxLength: 25 },
  );
  const world = fc
    .array(fc.tuple(fc.integer({ min: 0, max: 5 }), weights), { minLength: 1, maxLength: 6 })
    .map((storages) => ({
      storages: weigh(...storages.map(([affinity]) => affinity)),
      partitions: place(...storages.map(([, list]) => list)),
    }));

  test('needs no further plan, makes no storage fuller than the fullest, and touches no affinity of 0', () => {
    fc.assert(
      fc.property(world, ({ storages, partitions }) => {
        const moves = planRebalance(storages, partitions);
        const after = apply(partitions, moves);
        expect(planRebalance(storages, after)).toEqual([]);
        expect(new Set(moves.map(({ queue }) => queue)).size).toBe(moves.length);
        const share = (all: readonly PlacedPartition[]) =>
          sums(all, storages.length).map((held, i) => held / (storages[i]?.affinity ?? 0));
        const most = (all: readonly PlacedPartition[]) => Math.max(...share(all).filter(Number.isFinite), 0);
        expect(most(after)).toBeLessThanOrEqual(most(partitions) * (1 + 1e-9));
        for (const { storage, to } of moves) {
          for (const name of [storage, to])
            expect(storages.find((each) => each.name === name)?.affinity).toBeGreaterThan(0);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('leaves storages that differ by a fifth of the mean, unless every partition is too large', () => {
    fc.assert(
      fc.property(world, ({ storages, partitions }) => {
        const after = apply(partitions, planRebalance(storages, partitions));
        const taking = storages.filter(({ affinity }) => affinity > 0);
        const total = taking.reduce((sum, { affinity }) => sum + affinity, 0);
        const counted = after.filter(({ storage }) => taking.some(({ name }) => name === storage));
        const mean = counted.reduce((sum, { weight }) => sum + weight, 0) / counted.length;
        const held = sums(after, storages.length);
        const shares = taking.map(({ name, affinity }) => ({
          ...{ name, factor: total / (affinity * taking.length) },
          share: ((held[Number(name.slice(1))] ?? 0) * total) / (affinity * taking.length),
        }));
        for (const from of shares) {
          for (const to of shares) {
            if (from.share - to.share <= (0.2 * mean * counted.length) / taking.length) continue;
            for (const { storage, weight } of counted) {
              if (storage !== from.name) continue;
              const greater = Math.max(from.share - weight * from.factor, to.share + weight * to.factor);
              expect(from.share - greater).toBeLessThan(0.1 * mean + 1e-6 * from.share);
            }
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('of 20,000 partitions takes less than two seconds of this processor', () => {
    const partitions = place(
      Array.from({ length: 20_000 }, (_, n) => (n * 7919) % 1_000 || 1),
      [],
      [],
    );
    const before = process.cpuUsage();
    const moves = planRebalance(weigh(1, 1, 1), partitions);
    const { user, system } = process.cpuUsage(before);
    expect(moves.length).toBeGreaterThan(5_000);
    expect((user + system) / 1e6).toBeLessThan(2);
  });
});
