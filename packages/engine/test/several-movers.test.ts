import { milliseconds } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { beforeEach, describe, expect, test } from 'vitest';
import { Process } from './support/process.ts';

/** Longer than a lease, and than a claim on dead items. */
const SLEEP_MS = 90_000;
/** By then letters that come late have come, and are aborted. */
const WITHDRAWN_BY = '20s';

describe('several processes that move the same item to the dead-letter queue', () => {
  /** The clock of the storage, which judges deadlines. */
  let storageTime: ManualClock;
  let here: Process;
  let there: Process;

  beforeEach(async () => {
    storageTime = new ManualClock();
    const shared = memoryBackend({ name: 'mem', clock: storageTime, random: new SeededRandom() });
    here = new Process(shared, 1);
    there = new Process(shared, 2);
    await here.create('dead');
    await here.create('q', { maxAttempts: 1, deadQueue: 'dead' });
    await here.produce('q', 'letter');
    await here.lease('q');
  });

  /** The item dies, and this process begins to move it, as far as the faults allow. */
  async function moveHere(): Promise<void> {
    await storageTime.advance('61s');
    await here.clock.advance('61s');
  }

  /** This process sleeps until its claim has ended; the other one finds the item. */
  async function moveThereMeanwhile(): Promise<void> {
    here.sleep(SLEEP_MS);
    await storageTime.advance(milliseconds(SLEEP_MS));
    await there.service.queue.stats('q');
    await there.wake();
  }

  async function passTime(process: Process, duration: string): Promise<void> {
    await storageTime.advance(duration);
    await process.clock.advance(duration);
  }

  test('a process that dies after it has marked the item leaves the rest to the next one', async () => {
    here.storage.fail('commitLetters', 0, 'not-applied');
    await moveHere();
    await moveThereMeanwhile();
    expect(await there.consume('dead')).toEqual(['letter']);
    expect(await there.stored('q')).toEqual([]);
  });

  test('a process that dies before it has removed the item leaves only that to the next one', async () => {
    here.storage.fail('remove', 0, 'not-applied');
    await moveHere();
    expect(await here.consume('dead')).toEqual(['letter']);
    await moveThereMeanwhile();
    expect([await there.stored('q'), await there.stored('dead')]).toEqual([[], []]);
  });

  test('a process that was suspended does not repeat a failed move', async () => {
    here.storage.fail('prepareLetters', 0, 'not-applied');
    await moveHere();
    here.storage.heal(0);
    await moveThereMeanwhile();
    expect(await there.consume('dead')).toEqual(['letter']);
    const attempts = here.storage.count('prepareLetters');
    await here.wake();
    expect(here.storage.count('prepareLetters')).toBe(attempts);
    expect(await here.stored('dead')).toEqual([]);
  });

  describe('while one of them is suspended just before it stores the letter', () => {
    let goOn: () => void;
    beforeEach(async () => {
      goOn = here.storage.hold('prepareLetters', 0, 'before');
      await moveHere();
    });

    async function goOnHere(): Promise<void> {
      goOn();
      await here.wake();
    }

    test('the letter of an item that is gone by then is not committed, but aborted at once', async () => {
      await moveThereMeanwhile();
      expect(await there.consume('dead')).toEqual(['letter']);
      await goOnHere();
      expect(await here.stored('dead')).toEqual([]);
      expect(here.storage.count('commitLetters')).toBe(0);
    });

    test('the letter is aborted even if storage fails meanwhile', async () => {
      await moveThereMeanwhile();
      expect(await there.consume('dead')).toEqual(['letter']);
      here.storage.fail('abortLetters', 0, 'not-applied');
      await goOnHere();
      await passTime(here, WITHDRAWN_BY);
      expect(await here.stored('dead')).toEqual(['letter']);
      here.storage.heal(0);
      await passTime(here, '6s');
      expect(await here.stored('dead')).toEqual([]);
    });

    test.each([
      ['is about to remove', '0s'],
      ['takes longer to remove than a letter is watched for', '16s'],
    ])(
      'the second letter of an item that another process %s is not committed, but aborted',
      async (_, later) => {
        there.storage.fail('remove', 0, 'not-applied');
        await moveThereMeanwhile();
        expect(await there.consume('dead')).toEqual(['letter']);
        await goOnHere();
        await passTime(here, later);
        expect([await here.stored('dead'), await here.waiting('dead')]).toEqual([['letter'], []]);
        there.storage.heal(0);
        await passTime(there, '6s');
        expect(await there.stored('q')).toEqual([]);
        await passTime(here, WITHDRAWN_BY);
        expect(await here.stored('dead')).toEqual([]);
      },
    );

    test('the letter of an item that another process has marked is left to that process, however long it takes', async () => {
      there.storage.fail('commitLetters', 0, 'not-applied');
      await moveThereMeanwhile();
      await goOnHere();
      expect([await here.stored('dead'), await here.waiting('dead')]).toEqual([['letter'], []]);
      await passTime(here, WITHDRAWN_BY);
      expect([await here.stored('dead'), await here.waiting('dead')]).toEqual([['letter'], []]);
      there.storage.heal(0);
      await passTime(there, '1m');
      expect(await there.consume('dead')).toEqual(['letter']);
      expect(await there.stored('q')).toEqual([]);
    });
  });
});
