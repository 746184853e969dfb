import { QueueError } from '@querator/core';
import { describe, expect, test } from 'vitest';
import type { EnteringItems } from '../../src/index.ts';
import { Harness } from '../support/harness.ts';
import { TransferRun } from '../support/transfer-run.ts';

const FULL = new QueueError('retry', 'quota exceeded; try again later', { reason: 'over_limit' });

/** A queue `from` with items, a queue `to` in another namespace, and one `near` in the same. */
async function harness(texts: readonly string[]): Promise<Harness> {
  const h = new Harness();
  await h.create('from', { namespace: 'here' });
  await h.create('near', { namespace: 'here' });
  await h.create('to', { namespace: 'there' });
  for (const text of texts) await h.produce('from', [text]);
  await h.clock.advance('1s');
  return h;
}

/** A namespace that has room for some items. */
class Room {
  readonly asked: EnteringItems[] = [];
  readonly ended: unknown[] = [];
  left: number;

  constructor(left: number) {
    this.left = left;
  }

  readonly admit = (entering: EnteringItems) => {
    this.asked.push(entering);
    if (entering.items > this.left) throw FULL;
    this.left -= entering.items;
    return (error: unknown) => void this.ended.push(error);
  };
}

const move = ({ clock, storage }: Harness, room: Room, to: string) =>
  TransferRun.create(
    {
      ...{ clock, queueStore: storage.queueStore(), admit: room.admit },
      storages: [{ backend: storage, affinity: 1 }],
    },
    { queueName: 'from', to },
  );

describe('a task that moves items to another namespace', () => {
  test('moves as many as it has room for, in order, and goes on when there is more', async () => {
    const h = await harness(['a', 'b', 'c', 'd', 'e', 'f']);
    const room = new Room(5);
    const run = await move(h, room, 'to');
    await run.step();
    await run.step();
    expect(run.counts).toEqual({ matched: 5, done: 5, failed: 0 });
    await expect(run.step()).rejects.toBe(FULL);
    expect([await h.payloads('to'), await h.payloads('from')]).toEqual([['a', 'b', 'c', 'd', 'e'], ['f']]);
    room.left = 1;
    await run.toEnd();
    expect(run.counts).toEqual({ matched: 6, done: 6, failed: 0 });
    expect(await h.payloads('to')).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(room.ended.every((error) => error === undefined)).toBe(true);
  });

  test('tells the size of the items, and whether they were stored', async () => {
    const h = await harness(['abc']);
    const room = new Room(5);
    const run = await move(h, room, 'to');
    h.storage.fail('transfer', 0, 'unknown-lost');
    await expect(run.step()).rejects.toMatchObject({ outcome: 'unknown' });
    expect(room.asked).toEqual([{ namespace: 'there', items: 1, bytes: expect.any(Number) }]);
    expect(room.asked[0]?.bytes).toBeGreaterThanOrEqual(3);
    expect(room.ended).toMatchObject([{ outcome: 'unknown' }]);
  });

  test('asks nothing for a queue of its own namespace, or in a dry run', async () => {
    const h = await harness(['a']);
    const room = new Room(0);
    const dry = await TransferRun.create(
      {
        ...{ clock: h.clock, queueStore: h.storage.queueStore(), admit: room.admit },
        storages: [{ backend: h.storage, affinity: 1 }],
      },
      { queueName: 'from', to: 'to', dryRun: true },
    );
    expect((await dry.toEnd()).counts).toEqual({ matched: 1, done: 0, failed: 0 });
    await (await move(h, room, 'near')).toEnd();
    expect(await h.payloads('near')).toEqual(['a']);
    expect(room.asked).toEqual([]);
  });
});
