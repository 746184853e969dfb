import { addDuration, type Instant, milliseconds } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { LeaseTable } from '../../src/renewal/lease-table.ts';
import { LeaseWatch } from '../../src/renewal/lease-watch.ts';

/** A watch of one table, and a writer that tells it of leases as a worker does. */
function start() {
  const clock = new ManualClock();
  let due = 0;
  let table = new LeaseTable();
  let told = 0;
  const watch = new LeaseWatch({ clock, onDue: () => due++ });
  const begin = { kind: 'begin', loop: 1, queueName: 'q', leaseTimeout: undefined } as const;
  watch.hear({ ...begin, table: table.buffer });
  /** @returns the slot. */
  const add = (renewInSeconds: number) => {
    const renewAt = addDuration(clock.now(), milliseconds(renewInSeconds * 1_000));
    const lease = { id: '0', partition: 0, leasedFor: milliseconds(1_000), renewUntil: renewAt, renewAt };
    const slot = table.add(lease) as number;
    const { nextLook } = table;
    if (nextLook === undefined || nextLook > renewAt) {
      told++;
      watch.hear({ kind: 'look', loop: 1, by: renewAt });
    }
    return slot;
  };
  const grow = (by: Instant) => {
    table = table.grown();
    watch.hear({ kind: 'look', loop: 1, by, table: table.buffer });
  };
  return { clock, watch, begin, add, grow, table: () => table, due: () => due, told: () => told };
}

test('leases are due ten seconds before the first renewal', async () => {
  const it = start();
  it.add(60);
  await it.clock.advance('49999ms');
  expect(it.due()).toBe(0);
  await it.clock.advance('1ms');
  expect(it.due()).toBe(1);
});

test('leases that have to be renewed soon are due at once, and once only', async () => {
  const it = start();
  it.add(14);
  expect(it.due()).toBe(1);
  it.add(5);
  it.watch.hear({ kind: 'load' });
  await it.clock.advance('1m');
  expect(it.due()).toBe(1);
  expect(it.clock.pendingTimers).toBe(0);
});

test('leases of short handlers are never due, and need few messages', async () => {
  const it = start();
  for (let n = 0; n < 10_000; n++) {
    const slot = it.add(30);
    await it.clock.advance('100ms');
    it.table().remove(slot);
  }
  expect(it.due()).toBe(0);
  expect(it.told()).toBeLessThan(100);
});

test('a message makes them due, and what was heard is kept for the renewal', () => {
  const it = start();
  it.watch.hear({ ...it.begin, loop: 2, table: new LeaseTable().buffer });
  it.watch.hear({ kind: 'end', loop: 2 });
  it.add(60);
  const by = addDuration(it.clock.now(), milliseconds(60_000));
  it.grow(by);
  it.watch.hear({ kind: 'load' });
  expect(it.due()).toBe(1);
  expect(it.watch.heard()).toEqual([
    { ...it.begin, table: it.table().buffer },
    { kind: 'look', loop: 1, by, table: undefined },
  ]);
  // Until it renews, it has to be told of each lease.
  expect(it.table().nextLook).toBeUndefined();
});
