import type { Duration, Instant } from '@querator/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LeaseTable, type TableLease } from '../../src/renewal/lease-table.ts';

const time = fc.bigInt({ min: 0n, max: 2n ** 62n });
const lease: fc.Arbitrary<TableLease> = fc.record({
  id: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 }),
  partition: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  leasedFor: time as fc.Arbitrary<bigint> as fc.Arbitrary<Duration>,
  renewUntil: time as fc.Arbitrary<bigint> as fc.Arbitrary<Instant>,
  renewAt: time as fc.Arbitrary<bigint> as fc.Arbitrary<Instant>,
});
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ add: lease }) },
  { weight: 2, arbitrary: fc.record({ remove: fc.nat(200) }) },
);

test('a reader finds the leases that were added and not removed, each with its content', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      let table = new LeaseTable();
      const held = new Map<number, TableLease>();
      const versions = new Map<number, number>();
      for (const each of steps) {
        if ('add' in each) {
          let slot = table.add(each.add);
          if (slot === undefined) {
            table = table.grown();
            slot = table.add(each.add);
          }
          expect(held.has(slot as number)).toBe(false);
          held.set(slot as number, each.add);
        } else {
          const slot = [...held.keys()][each.remove];
          if (slot === undefined) continue;
          held.delete(slot);
          table.remove(slot);
        }
        const found = new LeaseTable(table.buffer).found();
        expect(found.map(({ version: _, slot, ...rest }) => [slot, rest])).toEqual(
          [...held].sort(([one], [other]) => one - other),
        );
        for (const { slot, version } of found) {
          const isNew = 'add' in each && held.get(slot) === each.add;
          if (!isNew) expect(versions.get(slot)).toBe(version);
          versions.set(slot, version);
        }
      }
    }),
  );
});

test('a slot has another version for each lease', () => {
  const table = new LeaseTable();
  const one = { id: 'a', partition: 0, leasedFor: 1n, renewUntil: 2n, renewAt: 3n } as unknown as TableLease;
  const versions = new Set<number | undefined>();
  for (let n = 0; n < 100; n++) {
    const slot = table.add(one) as number;
    versions.add(table.found()[0]?.version);
    table.remove(slot);
  }
  expect(versions.size).toBe(100);
});

test('both sides see when the reader looks next', () => {
  const table = new LeaseTable();
  const reader = new LeaseTable(table.buffer);
  expect(table.nextLook).toBeUndefined();
  reader.nextLook = 5n as Instant;
  expect(table.nextLook).toBe(5n);
  reader.nextLook = undefined;
  expect(table.nextLook).toBeUndefined();
});
