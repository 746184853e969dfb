import { milliseconds, type StoredItem } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import { item, payloadOf, queueCall } from '../support/harness.ts';
import { type Fate, type TaskProcess, TaskProcesses, texts } from '../support/task-processes.ts';

const HOUR = milliseconds(3_600_000);
const RETRY = { kind: 'retry' } as const;
const LEASED = { ...RETRY, filter: { state: 'leased' } } as const;

/** A queue with a process that works on tasks, and one that only produces. */
class World extends TaskProcesses {
  async schedule(process: TaskProcess, names: readonly string[], hours = 1): Promise<void> {
    const enqueueAt = (this.clock.now() + BigInt(hours) * 3_600_000_000n) as StoredItem['createdAt'];
    for (const name of names) {
      const items = [{ ...item(name, { kind: name.slice(0, 1) }), enqueueAt }];
      await process.service.queue.produce({ queueName: 'q', requestTimeout: '1m', items });
    }
  }

  lease(partition = 0, limit = 100): Promise<readonly { readonly id: string }[]> {
    return this.backend.partitionStore({ queue: 'q', partition }).lease({ limit, leaseTimeout: HOUR });
  }

  /** The items of a partition, with their state. */
  async states(partition = 0): Promise<string[]> {
    const store = this.backend.partitionStore({ queue: 'q', partition });
    const { items = [] } = (await store.find?.({ filter: {}, limit: 1_000, withPayload: true })) ?? {};
    return items.map((found) => `${payloadOf(found as never)} ${found.state} ${found.attempts}`);
  }
}

describe('a task that retries items', () => {
  test('makes scheduled items available that match and were there', async () => {
    const world = new World();
    const process = world.start();
    await world.createQueue(process);
    await world.schedule(process, ['a1', 'b1', 'a2']);
    await world.produce(process, ['a-waiting']);
    const { id } = await process.create({ ...RETRY, filter: { kind: 'a' } });
    await world.clock.advance('1us');
    await world.schedule(process, ['a-later']);
    expect(await world.ended(id)).toMatchObject({ state: 'done', matched: 2, done: 2, failed: 0 });
    await world.clock.advance('10ms');
    expect((await world.states()).sort()).toEqual([
      'a-later scheduled 0',
      'a-waiting waiting 0',
      'a1 waiting 0',
      'a2 waiting 0',
      'b1 scheduled 0',
    ]);
  });

  test('wakes a consumer that waits', async () => {
    const world = new World();
    const process = world.start();
    await world.createQueue(process);
    await world.schedule(process, ['a']);
    const call = { queueName: 'q', clientId: 'c', batchSize: 1, requestTimeout: '1m' };
    const leased = process.service.queue.lease(call);
    await process.create(RETRY);
    await world.clock.advance('2s');
    expect((await leased).items.map(payloadOf)).toEqual(['a']);
  });

  test('ends leases if its filter says so, once for each item', async () => {
    const world = new World();
    const process = world.start();
    await world.createQueue(process);
    await world.produce(process, texts('a', 10));
    await world.lease();
    await world.ended((await process.create(RETRY)).id);
    expect((await world.states()).filter((text) => text.includes('leased'))).toHaveLength(10);
    const { id } = await process.create({ ...LEASED, rate: 4 });
    for (let second = 0; second < 4; second++) {
      await world.clock.advance('1s');
      await world.lease();
    }
    expect(await world.ended(id)).toMatchObject({ state: 'done', matched: 10, done: 10 });
    const states = await world.states();
    // Those that came back and were leased again are still leased.
    expect(states.filter((text) => text.endsWith('leased 2')).length).toBeGreaterThan(0);
    expect(states.filter((text) => !/ (leased 2|waiting 1)$/.test(text))).toEqual([]);
  });

  test('gives items without attempts left to the dead-letter queue', async () => {
    const world = new World();
    const process = world.start();
    const { queues } = process.service;
    await world.createQueue(process);
    await world.createQueue(process, 'dead');
    await world.produce(process, ['a']);
    await world.lease();
    await queues.update(queueCall('q', { maxAttempts: 1, deadQueue: 'dead' }));
    expect(await world.ended((await process.create(LEASED)).id)).toMatchObject({ done: 1 });
    await world.clock.advance('1s');
    expect(await world.texts('dead')).toEqual(['a']);
  });

  test('counts in a dry run, and changes nothing', async () => {
    const world = new World();
    const process = world.start();
    await world.createQueue(process, 'q', 2);
    await world.schedule(process, texts('a', 7));
    const { id } = await process.create({ ...RETRY, dryRun: true });
    expect(await world.ended(id)).toMatchObject({ state: 'done', matched: 7, done: 0 });
    const states = [...(await world.states(0)), ...(await world.states(1))];
    expect(states.every((text) => text.endsWith('scheduled 0'))).toBe(true);
  });

  test('fails if its queue is deleted', async () => {
    const world = new World();
    const process = world.make();
    await world.createQueue(process);
    const { id } = await process.create(RETRY);
    await process.service.queues.delete('q', true);
    process.service.tasks.start();
    expect(await world.ended(id)).toMatchObject({ state: 'failed', error: 'the queue was deleted' });
  });
});

describe('a retry whose process is killed', () => {
  /** Retries 6 scheduled and 6 leased items in steps of two, with a process that dies at one of its calls. */
  async function killAt(number: number, fate: Fate): Promise<number> {
    const world = new World({ hasSignals: number % 2 === 0 });
    const first = world.start();
    await world.createQueue(first, 'q', 2);
    await world.produce(first, texts('b', 6));
    await Promise.all([world.lease(0), world.lease(1)]);
    await world.schedule(first, texts('a', 6));
    let calls = 0;
    const tasks = [await first.create({ ...RETRY, rate: 8 }), await first.create({ ...LEASED, rate: 8 })];
    first.onCall = () => (++calls === number ? fate : 'goes on');
    await world.clock.advance('1ms');
    await world.schedule(world.make(), ['a-later'], 10);
    world.start();
    for (const { id } of tasks) {
      const ended = await world.ended(id);
      expect(ended).toMatchObject({ state: 'done', failed: 0 });
      // What the last step of the dead process did may not be counted.
      expect(ended.done).toBeGreaterThanOrEqual(6 - 2);
      expect(ended.done).toBeLessThanOrEqual(6);
    }
    await world.clock.advance('10s');
    const states = [...(await world.states(0)), ...(await world.states(1))].sort();
    expect(states).toEqual([
      'a-later scheduled 0',
      ...texts('a', 6).map((text) => `${text} waiting 0`),
      ...texts('b', 6).map((text) => `${text} waiting 1`),
    ]);
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

  // "whatever is killed, each item that matched and was there comes back, and none is lost or doubled"
  test.each(Array.from({ length: 25 }, (_, seed) => seed + 1))(
    'returns what it should, whatever dies and fails meanwhile: seed %i',
    async (seed) => {
      const random = new SeededRandom(seed);
      const chance = (of: number) => Math.floor(random.fraction() * of) === 0;
      const world = new World({ hasSignals: chance(2) });
      const creator = world.make();
      const partitions = 1 + (seed % 3);
      await world.createQueue(creator, 'q', partitions);
      const [given, kept, leased] = [texts('a', 20), texts('b', 5), texts('c', 20)];
      await world.produce(creator, leased);
      const held = new Set<string>();
      for (let partition = 0; partition < partitions; partition++) {
        for (const { id } of await world.lease(partition)) held.add(id);
      }
      await world.schedule(creator, [...given, ...kept], 5);
      const rate = chance(3) ? 0 : 20;
      const tasks = [
        await creator.create({ ...RETRY, rate, filter: { kind: 'a' } }),
        await creator.create({ ...LEASED, rate }),
      ];
      await world.clock.advance('1ms');
      const running: TaskProcess[] = [];
      const fateOf = (process: TaskProcess): Fate => {
        if (chance(60)) {
          running.splice(running.indexOf(process), 1);
          return chance(2) ? 'dies before' : 'dies after';
        }
        if (chance(20)) return chance(2) ? 'fails' : 'fails after';
        return 'goes on';
      };
      for (let second = 0; second < 40; second++) {
        if (running.length < 2) {
          const process = world.start();
          running.push(process);
          process.onCall = () => (process.isDead ? 'goes on' : fateOf(process));
        }
        // Consumers complete nothing: each item that comes back is leased once more, and stays leased.
        if (second < 20) await world.lease(Math.floor(random.fraction() * partitions), 3);
        await world.clock.advance('1s');
      }
      for (const process of running) process.onCall = () => 'goes on';
      for (const { id } of tasks) expect(await world.ended(id)).toMatchObject({ state: 'done' });
      await world.clock.advance('10s');
      const states: string[] = [];
      for (let partition = 0; partition < partitions; partition++)
        states.push(...(await world.states(partition)));
      expect(states.map((text) => text.split(' ')[0]).sort()).toEqual([...given, ...kept, ...leased]);
      for (const text of states) {
        if (text.startsWith('a')) expect(text).toMatch(/ (waiting [01]|leased 1)$/);
        if (text.startsWith('b')) expect(text).toMatch(/ scheduled 0$/);
        // The first lease has ended, and at most one more has begun that the task left alone.
        if (text.startsWith('c')) expect(text).toMatch(/ (waiting 1|leased 2)$/);
      }
      expect(held.size).toBe(20);
    },
  );
});
