import type { PartitionKey, PollResult, StorageBackend } from '@querator/core';
import { describe, expect } from 'vitest';
import { newItem } from '../fixture/content.ts';
import type { Fixture } from '../fixture/fixture.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** `nextDueMs` may be up to one millisecond too late, and must not be too early. */
const LATEST_MS = 1;
const OVERDUE_MS = 100;

async function poll(
  backend: StorageBackend,
  keys: readonly PartitionKey[],
  deadlines = true,
): Promise<readonly PollResult[]> {
  if (backend.poll === undefined) throw new Error('the driver claims polls and has no poll');
  return backend.poll(keys, { deadlines });
}

/** What `StorageBackend.poll` promises. */
export function describePoll(test: StorageTest): void {
  /** Partitions of one new queue, with a script for each. */
  const partitions = (fixture: Fixture, count: number) => {
    const queue = fixture.name();
    return Array.from({ length: count }, (_, partition) => {
      const key = { queue, partition };
      return { key, script: fixture.script(fixture.backend.partitionStore(key)) };
    });
  };

  describe('poll', () => {
    // "one result per key, in order"; `waiting`: "Whether items are available to consumers"
    test.ifCapable(
      'polls',
      'says in the order of the keys which partitions have waiting items',
      async (fixture) => {
        const all = partitions(fixture, 6);
        const [waiting, leased, scheduled, moving, letters] = all.map(({ script }) => script);
        await waiting?.produce('a');
        await leased?.produce('b');
        await leased?.lease();
        await scheduled?.produceItems([newItem('c', scheduled.in('1h'))]);
        await moving?.addMoving('d');
        await letters?.prepare('e');
        const keys = all.map(({ key }) => key);
        const said = async (given: readonly PartitionKey[]) =>
          (await poll(fixture.backend, given, false)).map((result) => result.waiting);
        expect(await said(keys)).toEqual([true, false, false, false, false, false]);
        expect(await said([...keys].reverse())).toEqual([false, false, false, false, false, true]);
        expect(await said(keys.slice(0, 1))).toEqual([true]);
      },
    );

    // an answer is about the moment of its call
    test.ifCapable('polls', 'follows what happens between two polls', async (fixture) => {
      const [one] = partitions(fixture, 1);
      if (one === undefined) throw new Error('no partition');
      const isWaiting = async () => (await poll(fixture.backend, [one.key]))[0]?.waiting;
      expect(await isWaiting()).toBe(false);
      await one.script.produce('a');
      expect(await isWaiting()).toBe(true);
      const id = await one.script.leaseOne();
      expect(await isWaiting()).toBe(false);
      await one.script.retry({ id });
      expect(await isWaiting()).toBe(true);
      await one.script.store.clear({ waiting: true, leased: true, scheduled: true });
      expect(await isWaiting()).toBe(false);
    });

    // `nextDueMs`: "Milliseconds until a sweep has work to do, as in `SweepResult`"
    test.ifCapable('polls', 'knows the deadlines as a sweep does', async (fixture) => {
      const all = partitions(fixture, 4);
      const [waiting, leased, scheduled] = all.map(({ script }) => script);
      await waiting?.produce('a');
      await leased?.produce('b', 'c');
      await leased?.lease(1);
      await scheduled?.produceItems([newItem('d', scheduled.in('5m'))]);
      const results = await poll(
        fixture.backend,
        all.map(({ key }) => key),
      );
      for (const [n, { script }] of all.entries()) {
        const { nextDueMs } = await script.sweep();
        const polled = results[n]?.nextDueMs;
        expect(polled === undefined, `partition ${n}`).toBe(nextDueMs === undefined);
        expect((polled ?? 0) - (nextDueMs ?? 0), `partition ${n}`).toBeGreaterThanOrEqual(0);
        expect((polled ?? 0) - (nextDueMs ?? 0), `partition ${n}`).toBeLessThanOrEqual(LATEST_MS);
      }
    });

    // "Up to 100 for what is overdue"
    test.ifCapable('polls', 'hardly waits once a deadline has passed', async (fixture) => {
      const [one] = partitions(fixture, 1);
      await one?.script.produce('a');
      await one?.script.lease();
      await fixture.clock.advance('2m');
      const [result] = await poll(fixture.backend, one === undefined ? [] : [one.key]);
      expect(result?.waiting).toBe(false);
      expect(result?.nextDueMs).toBeLessThanOrEqual(OVERDUE_MS);
    });

    // "A partition that was never used is empty"
    test.ifCapable('polls', 'takes a partition that was never used for empty', async (fixture) => {
      const keys = partitions(fixture, 2).map(({ key }) => key);
      for (const result of await poll(fixture.backend, keys)) {
        expect(result).toMatchObject({ waiting: false });
        expect(result.nextDueMs).toBeUndefined();
      }
      expect(await poll(fixture.backend, [])).toEqual([]);
    });

    // "Polls many partitions in few calls"
    test.ifCapable('polls', 'finds the items of three partitions among two hundred', async (fixture) => {
      const all = partitions(fixture, 200);
      for (const n of [3, 77, 199]) await all[n]?.script.produce('a');
      const keys = all.map(({ key }) => key);
      // Repeating a poll with the same keys may take another way.
      for (const deadlines of [false, true, false, true]) {
        const results = await poll(fixture.backend, keys, deadlines);
        expect(results.map(({ waiting }, n) => (waiting ? n : -1)).filter((n) => n >= 0)).toEqual([
          3, 77, 199,
        ]);
      }
    });

    // "for processes that wait for items of other processes"
    test.ifCapable(['polls', 'shared'], 'finds the items of another process', async (fixture) => {
      const [one] = partitions(fixture, 1);
      if (one === undefined) throw new Error('no partition');
      const other = await fixture.open();
      expect((await poll(other, [one.key]))[0]?.waiting).toBe(false);
      await one.script.produce('a');
      expect((await poll(other, [one.key]))[0]?.waiting).toBe(true);
    });

    // `close`: "Later calls fail"
    test.ifCapable('polls', 'fails after the backend was closed', async (fixture) => {
      await fixture.backend.close();
      await expect(poll(fixture.backend, [{ queue: 'a', partition: 0 }])).rejects.toMatchObject({
        ...{ name: 'StorageError', outcome: 'not-applied' },
      });
    });
  });
}
