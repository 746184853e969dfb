import { addDuration, type Duration, milliseconds, QueueError } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { expect, test } from 'vitest';
import { LeaseRenewal } from '../../src/renewal/lease-renewal.ts';
import { LeaseTable } from '../../src/renewal/lease-table.ts';
import type { RenewedItem } from '../../src/renewal/renewal.ts';
import { ServerClock } from '../../src/renewal/server-clock.ts';
import { toThreadError } from '../../src/thread/thread-error.ts';
import type { RenewalThread, ThreadListener } from '../../src/thread/thread-host.ts';
import type { ToThread } from '../../src/thread/thread-messages.ts';

/** A renewal with a fake thread, which records its messages. */
function start({ canExtend = true, canStart = true } = {}) {
  const clock = new ManualClock();
  const told: ToThread[] = [];
  const extended: string[][] = [];
  const errors: unknown[] = [];
  const lost: RenewedItem[] = [];
  let listener: ThreadListener | undefined;
  const inbox: (() => void)[] = [];
  const thread: RenewalThread = {
    open: (given) => {
      if (!canStart) throw new Error('no threads here');
      listener = given;
      return {
        loop: 1,
        load: () => Promise.resolve(),
        post: (message) => told.push(message),
        sync: () => {
          for (const take of inbox.splice(0)) take();
        },
        close: () => {},
      };
    },
  };
  const extend = async ({ ids, leaseTimeout }: { ids: readonly string[]; leaseTimeout: Duration }) => {
    extended.push([...ids]);
    return new Map(ids.map((id) => [id, addDuration(clock.now(), leaseTimeout)]));
  };
  const port = { extend: canExtend ? extend : undefined };
  const renewal = new LeaseRenewal<RenewedItem>({
    ...{ port, queueName: 'q', clock, random: new SeededRandom(), thread },
    serverClock: new ServerClock(clock),
    leaseTimeout: undefined,
    onError: (error) => errors.push(error),
    onLost: (item) => lost.push(item),
  });
  const item = (id: string): RenewedItem => ({
    ...{ id, partition: 0, leasedFor: milliseconds(10_000) },
    leaseDeadline: addDuration(clock.now(), milliseconds(10_000)),
    renewAt: addDuration(clock.now(), milliseconds(5_000)),
    renewUntil: addDuration(clock.now(), milliseconds(3_600_000)),
  });
  /** The table that the thread has. */
  const table = () => {
    const buffers = told.flatMap((message) => ('table' in message ? (message.table ?? []) : []));
    return new LeaseTable(buffers.at(-1));
  };
  const held = () =>
    table()
      .found()
      .map(({ id }) => id);
  return {
    clock,
    told,
    extended,
    errors,
    lost,
    renewal,
    item,
    port,
    inbox,
    thread: () => listener,
    table,
    held,
  };
}

test('a thread renews where there is one', async () => {
  const it = start();
  const [a, b] = [it.item('a'), it.item('b')];
  await it.renewal.start();
  it.renewal.add([a, b]);
  it.renewal.remove(a);
  it.renewal.add([it.item('c')]);
  expect(it.told).toMatchObject([
    { kind: 'begin', queueName: 'q' },
    { kind: 'look', by: b.renewAt },
    { kind: 'look', by: b.renewAt },
  ]);
  expect([...it.held()].sort()).toEqual(['b', 'c']);
  await it.clock.advance('1m');
  expect(it.extended).toEqual([]);
  it.renewal.stop();
  expect(it.told.at(-1)).toMatchObject({ kind: 'end' });
});

test('the answers of the thread can be taken before the event loop has them', () => {
  const it = start();
  const [a, b] = [it.item('a'), it.item('b')];
  it.renewal.add([a, b]);
  const deadline = addDuration(it.clock.now(), milliseconds(60_000));
  it.inbox.push(
    () =>
      it.thread()?.heard({
        kind: 'renewed',
        loop: 1,
        deadlines: [
          ['a', deadline],
          ['gone', deadline],
        ],
      }),
    () => it.thread()?.heard({ kind: 'lost', loop: 1, id: 'b' }),
    () => it.thread()?.heard({ kind: 'lost', loop: 1, id: 'gone' }),
    () =>
      it.thread()?.heard({ kind: 'error', loop: 1, error: toThreadError(new QueueError('retry', 'busy')) }),
  );
  it.renewal.sync();
  expect(a.leaseDeadline).toBe(deadline);
  expect(it.lost).toEqual([b]);
  expect(it.errors[0]).toBeInstanceOf(QueueError);
  expect(it.errors).toMatchObject([{ code: 'retry', message: 'busy', retryable: true }]);
});

test('the thread is told of leases only if it would look too late for them', () => {
  const it = start();
  it.renewal.add([it.item('a')]);
  expect(it.told.map(({ kind }) => kind)).toEqual(['begin', 'look']);
  const [later, sooner] = [it.item('later'), it.item('sooner')];
  it.table().nextLook = later.renewAt;
  for (let n = 0; n < 1_000; n++) {
    it.renewal.add([later]);
    it.renewal.remove(later);
  }
  expect(it.told).toHaveLength(2);
  sooner.renewAt = addDuration(it.clock.now(), milliseconds(4_999));
  it.renewal.add([later, sooner]);
  expect(it.told.slice(2)).toMatchObject([{ kind: 'look', by: sooner.renewAt, table: undefined }]);
});

test('the thread gets a larger table with the same leases, as often as one is full', () => {
  const it = start();
  const items = Array.from({ length: 1_000 }, (_, n) => it.item(`item ${n}`));
  it.renewal.add(items);
  expect(it.held()).toEqual(items.map(({ id }) => id));
  for (const item of items.slice(0, 990)) it.renewal.remove(item);
  const tables = it.told.length;
  it.renewal.add(items.slice(0, 500));
  expect(it.told.slice(tables).filter((each) => each.kind === 'look' && each.table)).toEqual([]);
  expect([...it.held()].sort()).toEqual(
    [...items.slice(0, 500), ...items.slice(990)].map(({ id }) => id).sort(),
  );
});

test('the event loop renews the leases of items whose ids do not fit the table', async () => {
  const it = start();
  const long = it.item('a'.repeat(41));
  it.renewal.add([it.item('a'), long, it.item('é')]);
  expect(it.held()).toEqual(['a']);
  await it.clock.advance('5s');
  expect(it.extended).toEqual([[long.id, 'é']]);
  it.renewal.remove(long);
  await it.clock.advance('5s');
  expect(it.extended.slice(1)).toEqual([['é']]);
});

test('the event loop renews until it is known that the server can', async () => {
  const it = start({ canExtend: false });
  it.renewal.add([it.item('a')]);
  await it.clock.advance('5s');
  expect(it.told).toEqual([]);
});

test.each([
  ['cannot start', false],
  ['ends', true],
])('the event loop renews if the thread %s', async (_, canStart) => {
  const it = start({ canStart });
  const a = it.item('a');
  it.renewal.add([a]);
  if (canStart) it.thread()?.failed(new Error('out of memory'));
  it.renewal.add([it.item('b')]);
  await it.clock.advance('5s');
  expect(it.extended).toEqual([['a', 'b']]);
  expect(a.leaseDeadline).toBe(addDuration(it.clock.now(), milliseconds(10_000)));
  expect(it.errors).toHaveLength(1);
  it.renewal.stop();
  expect(it.clock.pendingTimers).toBe(0);
});
