import { instantFromMicroseconds, type MoveClaim, type PartitionOwner } from '@querator/core';
import { describe, expect } from 'vitest';
import { batch, CLAIM, everythingIn, fateOf, MovingPartition } from '../fixture/moving-partition.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const LATER: MoveClaim = { ...CLAIM, generation: 2 };

/** What `MoveStore` promises of the beginning and the end of a move, and of processes that take it over. */
export function describeMoveEnds(test: StorageTest): void {
  describe('the beginning and the end of a move', () => {
    // "A call of an older generation fails."
    test.ifCapable(
      'moves',
      'refuses calls of a process whose task another one has taken over',
      async (fixture) => {
        const moving = new MovingPartition(fixture);
        await moving.source.produce('a');
        const source = await moving.from.begin(CLAIM, 'source');
        const target = await moving.to.begin(CLAIM, 'target');
        const { now } = source;
        const { items } = await moving.from.readItems(CLAIM, undefined, 10);
        const { entries } = await moving.from.readChanges(CLAIM, 10);
        expect(await moving.from.begin(LATER, 'source')).toEqual({ ...source, now });
        expect(await moving.to.begin(LATER, 'target')).toEqual({ ...target, now });
        const calls = [
          () => moving.from.begin(CLAIM, 'source'),
          () => moving.to.begin(CLAIM, 'target'),
          () => moving.from.resume(CLAIM),
          () => moving.to.resume(CLAIM),
          () => moving.from.settleChanges(CLAIM, entries),
          () => moving.from.close(CLAIM),
          () => moving.from.reopen(CLAIM),
          () => moving.from.leave(CLAIM),
          () => moving.to.write(CLAIM, batch({ items })),
          () => moving.to.empty(CLAIM),
          () => moving.to.open(CLAIM),
          () => moving.from.end(CLAIM),
          () => moving.to.end(CLAIM),
          () => moving.to.open({ ...LATER, task: 'another' }),
        ];
        for (const call of calls) expect(await fateOf(call())).toBe('stale');
        await moving.copy(LATER);
        await moving.switchOver(LATER);
        expect(await moving.target.queuedTexts()).toEqual(['a']);
      },
    );

    // "or if the partition is not in a state for the call"
    test.ifCapable('moves', 'refuses calls that do not fit the state of the partition', async (fixture) => {
      const moving = new MovingPartition(fixture);
      const { from, to } = moving;
      await moving.source.produce('a');
      await moving.begin();
      const refusing = async (...calls: readonly (() => Promise<unknown>)[]) => {
        for (const call of calls)
          expect([String(call), await fateOf(call())]).toEqual([String(call), 'stale']);
      };
      const { items } = await from.readItems(CLAIM, undefined, 10);
      const fill = [
        () => from.write(CLAIM, batch({ items })),
        () => from.empty(CLAIM),
        () => from.open(CLAIM),
      ];
      await refusing(...fill, () => from.leave(CLAIM));
      await refusing(
        () => to.readItems(CLAIM, undefined, 10),
        () => to.readKeys(CLAIM, undefined, 10),
        () => to.readChanges(CLAIM, 10),
        () => to.close(CLAIM),
        () => to.reopen(CLAIM),
        () => to.leave(CLAIM),
      );
      await moving.copy();
      await from.close(CLAIM);
      await refusing(...fill, () => from.end(CLAIM));
      await moving.switchOver();
      await refusing(
        ...fill,
        () => from.close(CLAIM),
        () => from.reopen(CLAIM),
        () => to.write(CLAIM, batch({ items })),
        () => to.empty(CLAIM),
      );
      expect(await moving.target.queuedTexts()).toEqual(['a']);
    });

    // "A partition that has left is no source", "may replace a partition that has left", "no process creates it again"
    test.ifCapable(
      'moves',
      'leaves a closed partition behind, to which it can come back',
      async (fixture) => {
        const moving = new MovingPartition(fixture);
        await moving.source.produce('a');
        await moving.move();
        expect(await everythingIn(moving.source)).toMatchObject({ queued: [], counts: { waiting: 0 } });
        expect(await fateOf(moving.source.produce('b'))).toBe('closed');
        const another: MoveClaim = { task: 'task-2', generation: 1 };
        await expect(moving.from.begin(another, 'source')).rejects.toThrow(/has moved to another storage/);
        const { from, to } = moving;
        await to.begin(another, 'source');
        await from.begin(another, 'target');
        const { items } = await to.readItems(another, undefined, 10);
        const closed = await to.close(another);
        await from.write(another, batch({ items, ...(closed && { above: closed.lastNumber }) }));
        await from.open(another);
        await to.leave(another);
        await from.end(another);
        await moving.source.produce('b');
        expect(await moving.source.queuedTexts()).toEqual(['a', 'b']);
        expect(await fateOf(moving.target.produce('c'))).toBe('closed');
      },
    );

    // "A `copying` source is a plain partition again", "A `filling` target is removed"
    test.ifCapable('moves', 'goes back when it ends before the switch', async (fixture) => {
      const moving = new MovingPartition(fixture);
      await moving.source.produce('a');
      await moving.begin();
      await moving.copy();
      for (let round = 0; round < 2; round++) {
        await moving.from.end(CLAIM);
        await moving.to.end(CLAIM);
      }
      await moving.source.produce('b');
      await moving.target.produce('c');
      expect([await moving.source.queuedTexts(), await moving.target.queuedTexts()]).toEqual([
        ['a', 'b'],
        ['c'],
      ]);
      expect(await moving.to.begin({ task: 'task-3', generation: 1 }, 'source')).toMatchObject({
        state: 'copying',
      });
    });

    // "if the partition cannot be that end"
    test.ifCapable('moves', 'is refused if the target holds items, or is the source', async (fixture) => {
      const moving = new MovingPartition(fixture);
      await moving.source.produce('a');
      await moving.target.produce('b');
      await moving.from.begin(CLAIM, 'source');
      await expect(moving.to.begin(CLAIM, 'target')).rejects.toThrow(/holds items of this partition already/);
      await expect(moving.from.begin(CLAIM, 'target')).rejects.toThrow(
        /the storage on which the partition is/,
      );
      expect([await moving.source.queuedTexts(), await moving.target.queuedTexts()]).toEqual([['a'], ['b']]);
    });

    // "Another text if the move was begun here anew, be it by the same claim", "Takes this end over if it is part of the task"
    test.ifCapable('moves', 'tells whether it was begun anew', async (fixture) => {
      const moving = new MovingPartition(fixture);
      const first = [await moving.from.begin(CLAIM, 'source'), await moving.to.begin(CLAIM, 'target')];
      expect([await moving.from.resume(LATER), await moving.to.resume(LATER)]).toEqual([
        'copying',
        'filling',
      ]);
      expect(await moving.from.resume({ ...LATER, task: 'another' })).toBeUndefined();
      const again = [await moving.from.begin(LATER, 'source'), await moving.to.begin(LATER, 'target')];
      expect(again).toEqual(first);
      await moving.from.end(LATER);
      await moving.to.end(LATER);
      // A process that was suspended meanwhile does so with its earlier claim.
      const anew = [await moving.from.begin(CLAIM, 'source'), await moving.to.begin(CLAIM, 'target')];
      anew.forEach(({ history }, n) => {
        expect(history).not.toBe(first[n]?.history);
      });
    });

    // a later queue of that name has a partition of its own
    test.ifCapable('moves', 'does not close the partition of a later queue of that name', async (fixture) => {
      const { keys, from, to } = await movedOf(fixture, owner(1n));
      const later = fixture.script(fixture.backend.partitionStore(keys.source, owner(2n)));
      await later.produce('x');
      expect(await later.queuedTexts()).toEqual(['x']);
      await from.end(CLAIM);
      await to.end(CLAIM);
      expect(await later.queuedTexts()).toEqual(['x']);
    });
  });
}

async function movedOf(fixture: ConstructorParameters<typeof MovingPartition>[0], of: PartitionOwner) {
  const moving = new MovingPartition(fixture, fixture.backend, of);
  await moving.source.produce('a');
  await moving.begin();
  await moving.copy();
  await moving.switchOver();
  await moving.from.end(CLAIM);
  return moving;
}

function owner(createdAt: bigint): PartitionOwner {
  return {
    createdAt: instantFromMicroseconds(createdAt),
    isThere: async () => true,
    wasDeleted: async () => false,
  };
}
