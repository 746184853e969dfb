import { milliseconds, millisecondsBetween } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import { payloadOf } from '../support/harness.ts';
import { type Fate, type TaskProcess, TaskProcesses, texts } from '../support/task-processes.ts';

const MINUTE = milliseconds(60_000);
const KIND_A = { filter: { kind: 'a' } };

describe('a task that deletes items', () => {
  test('deletes those that match and were there, and nothing else', async () => {
    const world = new TaskProcesses();
    const process = world.start();
    await world.createQueue(process, 'q', 2);
    await world.produce(process, [...texts('a', 5), ...texts('b', 5)]);
    const { id } = await process.create(KIND_A);
    await world.clock.advance('1us');
    await world.produce(process, ['a-later']);
    expect(await world.ended(id)).toMatchObject({ state: 'done', matched: 5, done: 5, failed: 0 });
    expect(await world.texts('q', 2)).toEqual(['a-later', ...texts('b', 5)]);
    expect(process.ended).toEqual(['delete done']);
    expect(process.logged).toContain('task ended');
  });

  test('takes waiting and scheduled items, and leased ones only if its filter says so', async () => {
    const world = new TaskProcesses();
    const process = world.start();
    await world.createQueue(process);
    await world.produce(process, ['leased', 'waiting']);
    const store = world.backend.partitionStore({ queue: 'q', partition: 0 });
    await process.service.queue.lease({ queueName: 'q', clientId: 'c', batchSize: 1, requestTimeout: '1m' });
    await world.ended((await process.create()).id);
    expect(await world.texts()).toEqual(['leased']);
    await world.ended((await process.create({ filter: { state: 'scheduled' } })).id);
    expect(await world.texts()).toEqual(['leased']);
    await world.ended((await process.create({ filter: { state: 'leased' } })).id);
    expect(await store.stats()).toMatchObject({ waiting: 0, leased: 0, scheduled: 0 });
  });

  test('is shown with its filter, and without one if it takes all items', async () => {
    const world = new TaskProcesses();
    const process = world.make();
    await world.createQueue(process);
    const filter = { kind: 'a', metadata: new Map([['k', 'v']]), payload: Buffer.from('p') };
    const { id } = await process.create({ filter });
    await world.clock.advance('1us');
    await process.create();
    const { tasks } = process.service;
    expect((await tasks.get(id)).filter).toEqual(filter);
    const all = { namespace: '', queueName: '', kind: '', state: '', cursor: '', limit: 0 };
    const { items } = await tasks.list(all);
    expect(items.map((task) => [task.filter, task.to])).toEqual([
      [undefined, undefined],
      [filter, undefined],
    ]);
  });

  // A server that leaves out a condition would delete more.
  test('has a later version if its filter has conditions that servers before do not know', async () => {
    const world = new TaskProcesses();
    const process = world.make();
    await world.createQueue(process);
    await world.createQueue(process, 'to');
    const versionOf = async (call: Parameters<TaskProcess['create']>[0]) => {
      const { id } = await process.create(call);
      await world.clock.advance('1us');
      return (await world.task(id)).version;
    };
    const later = [{ sourceQueue: 'x' }, { withoutError: true }];
    expect(await versionOf({ filter: { kind: 'a' } })).toBe(1);
    for (const filter of later) expect(await versionOf({ filter })).toBe(2);
    expect(await versionOf({ kind: 'move', to: 'to', filter: { kind: 'a' } })).toBe(2);
    for (const filter of later) expect(await versionOf({ kind: 'move', to: 'to', filter })).toBe(3);
    const all = { namespace: '', queueName: '', kind: '', state: '', cursor: '', limit: 0 };
    const { items } = await process.service.tasks.list(all);
    expect(items.map(({ filter }) => filter)).toEqual(
      [{ kind: 'a' }, ...later, { kind: 'a' }, ...later].reverse(),
    );
  });

  test('leaves an item to the consumer that leased it meanwhile', async () => {
    const world = new TaskProcesses();
    const process = world.start();
    await world.createQueue(process);
    await world.produce(process, ['a1', 'a2']);
    let leased: Promise<unknown> | undefined;
    process.onCall = (call) => {
      if (call === 'partition.deleteSeen' && leased === undefined) {
        leased = world.backend
          .partitionStore({ queue: 'q', partition: 0 })
          .lease({ limit: 1, leaseTimeout: MINUTE });
      }
      return 'goes on';
    };
    expect(await world.ended((await process.create(KIND_A)).id)).toMatchObject({ matched: 1, done: 1 });
    expect(await world.texts()).toEqual(['a1']);
  });

  test('counts in a dry run what it would delete, and changes nothing', async () => {
    const world = new TaskProcesses();
    const process = world.start();
    await world.createQueue(process, 'q', 2);
    await world.produce(process, [...texts('a', 7), ...texts('b', 3)]);
    const task = await world.ended((await process.create({ ...KIND_A, dryRun: true, rate: 1 })).id, 2);
    expect(task).toMatchObject({ state: 'done', matched: 7, done: 0, failed: 0, dryRun: true });
    expect(await world.texts('q', 2)).toHaveLength(10);
  });

  test('fails if its queue is deleted, and spares a new one of that name', async () => {
    const world = new TaskProcesses();
    const process = world.make();
    await world.createQueue(process);
    const { id } = await process.create();
    await process.service.queues.delete('q', true);
    await world.clock.advance('1ms');
    await world.createQueue(process);
    await world.produce(process, ['new']);
    process.service.tasks.start();
    expect(await world.ended(id)).toMatchObject({ state: 'failed', error: 'the queue was deleted' });
    expect(await world.texts()).toEqual(['new']);
  });

  // Items of a queue at work get new ids, and go to the tail.
  test('finds an item again that was passed by', async () => {
    const world = new TaskProcesses();
    const process = world.start();
    await world.createQueue(process, 'q', 2);
    await world.produce(process, texts('a', 8));
    const store = world.backend.partitionStore({ queue: 'q', partition: 0 });
    const [leased] = await store.lease({ limit: 1, leaseTimeout: MINUTE });
    let reads = 0;
    process.onCall = (call) => {
      if (call === 'partition.find' && ++reads === 2) {
        const items = [{ id: leased?.id ?? '', dead: false }];
        void store.retry([{ items }], { maxAttempts: 0, dead: 'delete' });
      }
      return 'goes on';
    };
    expect(await world.ended((await process.create(KIND_A)).id)).toMatchObject({ done: 8 });
    expect(await world.texts('q', 2)).toEqual([]);
  });
});

describe('a task whose process is killed', () => {
  /** Deletes 9 of 12 items in steps of two, with a process that dies at one of its storage calls. */
  async function killAt(number: number, fate: Fate): Promise<number> {
    const world = new TaskProcesses({ hasSignals: number % 2 === 0 });
    const first = world.start();
    await world.createQueue(first, 'q', 2);
    await world.produce(first, [...texts('a', 9), ...texts('b', 3)]);
    let calls = 0;
    const task = await first.create({ ...KIND_A, rate: 8 });
    first.onCall = () => (++calls === number ? fate : 'goes on');
    await world.clock.advance('1ms');
    await world.produce(world.make(), ['a-later']);
    world.start();
    const ended = await world.ended(task.id);
    expect(await world.texts('q', 2)).toEqual(['a-later', ...texts('b', 3)]);
    // What the last step of the dead process deleted may not be counted.
    expect(ended).toMatchObject({ state: 'done', failed: 0 });
    expect(ended.done).toBeGreaterThanOrEqual(9 - 2);
    expect(ended.done).toBeLessThanOrEqual(9);
    expect(ended.matched).toBe(ended.done);
    return calls;
  }

  test.each(['dies before', 'dies after', 'fails', 'fails after'] as const)(
    'goes on elsewhere, at whichever call the first one %s',
    async (fate) => {
      const calls = await killAt(0, fate);
      expect(calls).toBeGreaterThan(15);
      for (let number = 1; number <= calls; number++) await killAt(number, fate);
    },
  );

  test('is taken over within seconds, with its rate', async () => {
    const world = new TaskProcesses();
    const first = world.start();
    await world.createQueue(first);
    await world.produce(first, texts('a', 100));
    const { id } = await first.create({ rate: 4 });
    const begun = world.clock.now();
    await world.clock.advance('5s');
    const before = 100 - (await world.texts()).length;
    expect(before).toBeGreaterThanOrEqual(20);
    expect(before).toBeLessThanOrEqual(25);
    first.kill();
    world.start();
    await world.clock.advance('10s');
    const after = 100 - (await world.texts()).length;
    expect(after).toBeGreaterThan(before + 4);
    await world.ended(id);
    expect(millisecondsBetween(begun, world.clock.now())).toBeGreaterThanOrEqual(24_000);
    expect(await world.task(id)).toMatchObject({ state: 'done', generation: 2 });
  });

  // "whatever is killed, what matched and was there is deleted, nothing else is"
  test.each(Array.from({ length: 25 }, (_, seed) => seed + 1))(
    'deletes what it should, whatever dies and fails meanwhile: seed %i',
    async (seed) => {
      const random = new SeededRandom(seed);
      const chance = (of: number) => Math.floor(random.fraction() * of) === 0;
      const world = new TaskProcesses({ hasSignals: chance(2) });
      const creator = world.make();
      const partitions = 1 + (seed % 3);
      await world.createQueue(creator, 'q', partitions);
      const kept = texts('b', 10);
      await world.produce(creator, [...texts('a', 30), ...kept]);
      const task = await creator.create({ ...KIND_A, rate: chance(3) ? 0 : 20 });
      await world.clock.advance('1ms');
      await world.produce(creator, texts('a-later', 3));
      const running: TaskProcess[] = [];
      const everLeased = new Set<string>();
      const fateOf = (process: TaskProcess): Fate => {
        if (running.filter(({ isDead }) => !isDead).length === 0) return 'goes on';
        if (chance(60)) {
          running.splice(running.indexOf(process), 1);
          return chance(2) ? 'dies before' : 'dies after';
        }
        if (chance(20)) return chance(2) ? 'fails' : 'fails after';
        return 'goes on';
      };
      const consume = async () => {
        const store = world.backend.partitionStore({
          queue: 'q',
          partition: Math.floor(random.fraction() * partitions),
        });
        const items = await store.lease({ limit: 3, leaseTimeout: MINUTE });
        for (const each of items) everLeased.add(payloadOf(each));
        await world.clock.advance('10ms');
        await store.retry([{ items: items.map(({ id }) => ({ id, dead: false })) }], {
          maxAttempts: 0,
          dead: 'delete',
        });
      };
      for (let second = 0; second < 60; second++) {
        if (running.length < 2) {
          const process = world.start();
          running.push(process);
          process.onCall = () => fateOf(process);
        }
        if (second < 20) await consume();
        await world.clock.advance('1s');
      }
      for (const process of running) process.onCall = () => 'goes on';
      expect(await world.ended(task.id)).toMatchObject({ state: 'done' });
      // A leased item is left to its consumer.
      const left = (await world.texts('q', partitions)).filter(
        (text) => !/^a\d/.test(text) || !everLeased.has(text),
      );
      expect(left).toEqual([...texts('a-later', 3), ...kept]);
    },
  );
});
