import { type ItemFilter, milliseconds } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import type { QueueCall } from '../../src/index.ts';
import { Harness, payloadOf } from '../support/harness.ts';
import { TransferRun, type TransferStorage } from '../support/transfer-run.ts';

/** Dead letters of the queue `q` with these texts, in order, in the queue `dead`. */
async function withLetters(texts: readonly string[], settings: Partial<QueueCall> = {}): Promise<Harness> {
  const h = new Harness();
  await h.create('dead');
  await h.create('q', { deadQueue: 'dead', maxAttempts: 1, ...settings });
  await die(h, 'q', texts);
  return h;
}

async function die(h: Harness, queue: string, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    await h.produce(queue, [text]);
    const { items, partition } = await h.lease(queue);
    const dead = items.map(({ id }) => ({ id, dead: true, retryAt: undefined, error: 'broken' }));
    await h.service.leasedItems.retry({ queueName: queue, partition, items: dead });
  }
  await h.clock.advance('1s');
}

const storageOf = ({ clock, storage }: Harness): TransferStorage => ({
  ...{ clock, queueStore: storage.queueStore(), storages: [{ backend: storage, affinity: 1 }] },
});
const redrive = (h: Harness, filter: ItemFilter = {}, dryRun = false) =>
  TransferRun.create(storageOf(h), { queueName: 'dead', filter, dryRun });
const move = (h: Harness, queueName: string, to: string) =>
  TransferRun.create(storageOf(h), { queueName, to });

describe('a task that redrives dead letters', () => {
  test('returns them to their queue, in order, as new items that keep their details', async () => {
    const h = await withLetters(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    const store = h.storage.partitionStore({ queue: 'dead', partition: 0 });
    const letters = await store.list({ state: 'queued', pivot: '', limit: 10, details: true });
    const run = await (await redrive(h)).toEnd();
    expect(run.counts).toEqual({ matched: 7, done: 7, failed: 0 });
    expect(run.end).toBe('done');
    expect(await h.payloads('dead')).toEqual([]);
    expect(await h.payloads('q')).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    const items = await h.storage
      .partitionStore({ queue: 'q', partition: 0 })
      .list({ state: 'queued', pivot: '', limit: 10, details: true });
    expect(items.map(({ details }) => details)).toEqual(letters.map(({ details }) => details));
    expect(items[0]?.details?.source).toMatchObject({ queue: 'q', attempts: 1, error: 'broken' });
  });

  test('counts the attempts of all its lives when it dies again', async () => {
    const h = await withLetters(['a']);
    await (await redrive(h)).toEnd();
    const { items, partition } = await h.lease('q');
    const dead = items.map(({ id }) => ({ id, dead: true, retryAt: undefined, error: 'again' }));
    await h.service.leasedItems.retry({ queueName: 'q', partition, items: dead });
    await h.clock.advance('1s');
    const [letter] = await h.storage
      .partitionStore({ queue: 'dead', partition: 0 })
      .list({ state: 'queued', pivot: '', limit: 10, details: true });
    expect(letter?.details?.source).toMatchObject({ attempts: 2, error: 'again' });
  });

  test('leaves letters whose queue is gone, or was created anew, or is of another namespace', async () => {
    const h = await withLetters(['a']);
    await h.create('gone', { deadQueue: 'dead', maxAttempts: 1 });
    await h.create('anew', { deadQueue: 'dead', maxAttempts: 1 });
    await h.create('abroad', { deadQueue: 'dead', maxAttempts: 1, namespace: 'other' });
    for (const name of ['gone', 'anew', 'abroad']) await die(h, name, [name]);
    await h.service.queues.delete('gone', true);
    await h.service.queues.delete('anew', true);
    await h.create('anew');
    await h.produce('dead', ['no letter']);
    await h.clock.advance('1s');
    const run = await (await redrive(h)).toEnd();
    expect(run.counts).toEqual({ matched: 5, done: 1, failed: 4 });
    expect((await h.payloads('dead')).sort()).toEqual(['abroad', 'anew', 'gone', 'no letter']);
    expect([await h.payloads('q'), await h.payloads('anew'), await h.payloads('abroad')]).toEqual([
      ['a'],
      [],
      [],
    ]);
  });

  test('leaves letters of the server before whose queue was created later than they were produced', async () => {
    const h = await withLetters([]);
    const source = { queue: 'q', partition: 0, id: '0'.repeat(27), attempts: 1 };
    const earlier = { ...source, producedAt: (h.clock.now() - 3_600_000_000n) as never };
    const later = { ...source, producedAt: h.clock.now() };
    const details = (from: typeof later) => ({
      firstId: 'f',
      metadata: new Map<string, string>(),
      source: from,
    });
    await h.storage.partitionStore({ queue: 'dead', partition: 0 }).import(
      [earlier, later].map((from, n) => ({
        ...{ encoding: '', kind: '', reference: '', payload: new TextEncoder().encode(`${n}`) },
        ...{ isLeased: false, attempts: 0, maxAttempts: 0, details: details(from) },
      })),
      milliseconds(60_000),
    );
    await h.clock.advance('1s');
    expect((await (await redrive(h)).toEnd()).counts).toEqual({ matched: 2, done: 1, failed: 1 });
    expect([await h.payloads('dead'), await h.payloads('q')]).toEqual([['0'], ['1']]);
  });

  test('takes only what was there when it was created, and what its filter says', async () => {
    const h = await withLetters(['a', 'b']);
    const [a] = await h.storage
      .partitionStore({ queue: 'dead', partition: 0 })
      .list({ state: 'queued', pivot: '', limit: 1 });
    const run = await redrive(h, { ids: [a?.id ?? ''] });
    const all = await redrive(h);
    await h.clock.advance('1s');
    await die(h, 'q', ['later']);
    await run.toEnd();
    expect([await h.payloads('dead'), await h.payloads('q')]).toEqual([['b', 'later'], ['a']]);
    await all.toEnd();
    expect([await h.payloads('dead'), await h.payloads('q')]).toEqual([['later'], ['a', 'b']]);
  });

  test('leaves leased letters to their consumers', async () => {
    const h = await withLetters(['a', 'b', 'c']);
    const { items } = await h.lease('dead', 2);
    expect(items.map(payloadOf)).toEqual(['a', 'b']);
    expect((await (await redrive(h)).toEnd()).counts).toEqual({ matched: 1, done: 1, failed: 0 });
    expect([await h.payloads('dead'), await h.payloads('q')]).toEqual([['a', 'b'], ['c']]);
  });

  test('counts only, if it is a dry run', async () => {
    const h = await withLetters(['a', 'b', 'c', 'd']);
    await h.produce('dead', ['no letter']);
    await h.clock.advance('1s');
    expect((await (await redrive(h, {}, true)).toEnd()).counts).toEqual({ matched: 5, done: 0, failed: 1 });
    expect(await h.payloads('dead')).toEqual(['a', 'b', 'c', 'd', 'no letter']);
    expect(h.storage.count('transfer')).toBe(0);
  });

  test('waits while its target is paused, and skips nothing', async () => {
    const h = await withLetters(['a', 'b']);
    await h.service.pauses.pause({ queueName: 'q', produce: true, lease: false, until: undefined });
    const run = await redrive(h);
    await expect(run.step()).rejects.toMatchObject({ reason: 'queue_paused', retryable: true });
    expect(await h.payloads('dead')).toEqual(['a', 'b']);
    await h.service.pauses.resume({ queueName: 'q', produce: true, lease: false });
    expect((await run.takenOver().toEnd()).counts).toEqual({ matched: 2, done: 2, failed: 0 });
  });

  test('ends with an error if the dead-letter queue is gone', async () => {
    const h = await withLetters(['a']);
    const run = await redrive(h);
    await h.service.queues.delete('dead', true);
    await run.toEnd();
    expect(run.end).toEqual({ error: 'the queue was deleted' });
  });
});

describe('a task that moves items', () => {
  test('keeps the order of each partition, and schedules', async () => {
    const h = new Harness();
    await h.create('from', { requestedPartitions: 3 });
    await h.create('to', { requestedPartitions: 2 });
    const texts = Array.from({ length: 30 }, (_, n) => `item ${n}`);
    for (const text of texts) await h.produce('from', [text]);
    const before = await Promise.all([0, 1, 2].map((partition) => h.payloads('from', partition)));
    await h.clock.advance('1s');
    expect((await (await move(h, 'from', 'to')).toEnd()).counts).toEqual({
      matched: 30,
      done: 30,
      failed: 0,
    });
    const [first, second] = await Promise.all([0, 1].map((partition) => h.payloads('to', partition)));
    expect(first).toEqual([...(before[0] ?? []), ...(before[2] ?? [])]);
    expect(second).toEqual(before[1]);
  });

  test('ends with an error if its target is gone, be there a new one of its name or not', async () => {
    const h = new Harness();
    await h.create('from');
    await h.create('to');
    await h.produce('from', ['a']);
    const runs = [await move(h, 'from', 'to'), await move(h, 'from', 'to')];
    await h.service.queues.delete('to', true);
    await h.clock.advance('1s');
    expect((await runs[0]?.toEnd())?.end).toEqual({ error: "the queue 'to' was deleted" });
    await h.create('to');
    expect((await runs[1]?.toEnd())?.end).toEqual({ error: "the queue 'to' was deleted" });
    expect([await h.payloads('from'), await h.payloads('to')]).toEqual([['a'], []]);
  });

  test.each([
    ['redrive', { to: '', queueName: 'none' }, "no such queue named 'none'"],
    [
      'move',
      { to: 'from', queueName: 'from' },
      'to is invalid; it cannot be the queue whose items are moved',
    ],
    ['move', { to: 'none', queueName: 'from' }, "no such queue named 'none'"],
    ['move', { to: 'to', filter: { state: 'leased' } }, "items in the state 'leased' cannot be moved"],
    ['move', { to: 'to', filter: { state: 'dead' } }, "items in the state 'dead' cannot be moved"],
  ] as const)('is refused: %s %o', async (_, ask, text) => {
    const h = new Harness();
    await h.create('from');
    await h.create('to');
    const refused = TransferRun.create(storageOf(h), { queueName: 'from', ...ask });
    await expect(refused).rejects.toThrow(text);
  });
});

/** What may go wrong with one storage call. */
const FAULTS = ['not-applied', 'unknown-applied', 'unknown-lost'] as const;
/** What may happen between two steps, or to one. `drain`: a consumer completes items of the target. */
const EVENTS = [
  'step',
  'step',
  'killed step',
  'fault',
  'produce',
  'complete',
  'retry',
  'lease',
  'pass',
  'drain',
] as const;

describe('a task that moves items, with faults', () => {
  test.each(FAULTS.flatMap((how) => (['find', 'transfer'] as const).map((call) => [call, how] as const)))(
    'goes on after a %s that failed (%s), and loses, doubles and reorders nothing',
    async (call, how) => {
      const texts = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
      const h = await withLetters(texts);
      const run = await redrive(h);
      await run.step();
      h.storage.fail(call, 0, how);
      await expect(run.step()).rejects.toThrow('injected');
      h.storage.heal(0);
      await h.clock.advance('10s');
      await run.toEnd();
      expect([await h.payloads('dead'), await h.payloads('q')]).toEqual([[], texts]);
    },
  );

  test('counts what one target took, and takes up the other later', async () => {
    const h = await withLetters(['a']);
    await h.create('other', { deadQueue: 'dead', maxAttempts: 1 });
    await die(h, 'other', ['c']);
    await h.produce('dead', ['no letter']);
    await h.clock.advance('1s');
    await h.service.pauses.pause({ queueName: 'q', produce: true, lease: false, until: undefined });
    const run = await redrive(h);
    await expect(run.step()).rejects.toMatchObject({ reason: 'queue_paused' });
    await h.service.pauses.resume({ queueName: 'q', produce: true, lease: false });
    await h.service.pauses.pause({ queueName: 'other', produce: true, lease: false, until: undefined });
    const second = run.takenOver();
    await second.step();
    expect(second.counts).toEqual({ matched: 1, done: 1, failed: 0 });
    await h.service.pauses.resume({ queueName: 'other', produce: true, lease: false });
    expect((await second.takenOver().toEnd()).counts).toEqual({ matched: 3, done: 2, failed: 1 });
    expect([await h.payloads('q'), await h.payloads('other')]).toEqual([['a'], ['c']]);
  });

  const seeds = Array.from({ length: 60 }, (_, n) => n + 1);
  test.each(seeds)(
    'ends with every item in one place, in order, whatever happens in between (seed %i)',
    async (seed) => {
      const random = new SeededRandom(seed);
      const draw = <T>(all: readonly T[]) => all[Math.floor(random.fraction() * all.length)] as T;
      const events = Array.from(
        { length: 5 + 20 * random.fraction() },
        () => [draw(EVENTS), draw(FAULTS)] as const,
      );
      const h = new Harness();
      await h.create('from', { leaseTimeout: '10s' });
      await h.create('to');
      const texts = Array.from({ length: 12 }, (_, n) => `item ${String(n).padStart(2, '0')}`);
      await h.produce('from', texts);
      const done: string[] = [];
      const touched = new Set<string>();
      await h.clock.advance('1s');
      const run = await move(h, 'from', 'to');
      let later = 0;
      const leaseOf = async (queue: string) => {
        if ((await h.payloads(queue)).length === 0) return undefined;
        return h.lease(queue, 2, { requestTimeout: '1ms' }).catch(() => undefined);
      };
      for (const [what, how] of events) {
        if (what === 'step' || what === 'killed step') {
          if (run.end === undefined) await run.step(what === 'step').catch(() => {});
        } else if (what === 'fault') {
          h.storage.fail('transfer', 0, how);
          if (run.end === undefined) await run.step().catch(() => {});
          h.storage.heal(0);
        } else if (what === 'produce') {
          await h.produce('from', [`later ${later++}`]);
        } else if (what === 'pass') await h.clock.advance('11s');
        else {
          const queueName = what === 'drain' ? 'to' : 'from';
          const leased = await leaseOf(queueName);
          if (leased === undefined) continue;
          const { items, partition } = leased;
          const ids = items.map(({ id }) => id);
          for (const item of items) touched.add(payloadOf(item));
          if (what === 'complete' || what === 'drain') {
            await h.service.queue.complete({ queueName, partition, ids, requestTimeout: '1m' });
            done.push(...items.map(payloadOf));
          } else if (what === 'retry') {
            const retried = ids.map((id) => ({ id, dead: false, retryAt: undefined }));
            await h.service.queue.retry({ queueName, partition, items: retried });
          }
        }
      }
      await h.clock.advance('11s');
      await run.toEnd();
      const [from, to] = [await h.payloads('from'), await h.payloads('to')];
      const all = [...texts, ...Array.from({ length: later }, (_, n) => `later ${n}`)];
      expect([...from, ...to, ...done].sort()).toEqual(all.sort());
      expect(from.filter((text) => text.startsWith('item'))).toEqual([]);
      const untouched = to.filter((text) => !touched.has(text));
      expect(untouched).toEqual([...untouched].sort());
    },
  );
});
