import type { ItemId } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import type { Database, Statement } from '../src/database/database.ts';
import { PostgresError } from '../src/errors/postgres-error.ts';
import { LowWaterMark } from '../src/low-water-mark/low-water-mark.ts';
import type { SavedMarks } from '../src/low-water-mark/saved-marks.ts';
import { boundAfter } from '../src/sql/new-item-id.ts';
import { PartitionTable } from '../src/sql/partition-table.ts';

const KEY = { queue: 'failing', partition: 0 };
/** Sizes of an index of many and of very many entries. */
const MEDIUM = 2 ** 20;
const LONG = 2 ** 24;
const idOf = (number: number): ItemId => `${boundAfter(BigInt(number) - 1n)}abcdefghij`;

/**
 * A partition from the view of its mark. Each lease takes a number of the sequence. No
 * transaction writes.
 */
class Partition {
  readonly clock = new ManualClock();
  /** The size of the lease index. */
  bytes = 0;
  /** The waiting items, in order. */
  waiting: ItemId[] = [];
  last = 0;
  /** The bounds of the steps that were made. */
  readonly walks: [string, string][] = [];
  /** The number of snapshots that were read. */
  snapshots = 0;
  readonly mark: LowWaterMark;
  /** The saved mark. */
  written: ItemId | undefined;
  readonly saved: SavedMarks = {
    load: async () => this.written,
    save: async (_, mark) => {
      this.written = mark;
    },
  };

  constructor() {
    const db = { read: (statement: Statement) => this.#answer(statement) } as Pick<Database, 'read'>;
    this.mark = new LowWaterMark({
      db,
      table: new PartitionTable(KEY),
      clock: this.clock,
      saved: this.saved,
    });
  }

  async lease(count = 1_000): Promise<readonly { readonly id: ItemId }[]> {
    await this.clock.advance('100ms');
    this.last++;
    const id = idOf(this.last);
    return this.mark.lease(async () => Array.from({ length: count }, () => ({ id })));
  }

  fail(sqlState: string): Promise<unknown> {
    const details = { outcome: 'not-applied', sqlState, connectionLost: false, timedOut: false } as const;
    return this.mark.lease(() => Promise.reject(new PostgresError('it failed', details)));
  }

  async #answer<Row>({ text, values = [] }: Statement): Promise<readonly Row[]> {
    const [from, to] = values as string[];
    const found = (below: string) => this.waiting.find((id) => id >= (from ?? '') && id < below);
    if (text.includes('AS writers')) {
      this.snapshots++;
      return [{ last: String(this.last), writers: [], first: found('~') ?? null } as Row];
    }
    if (text.includes('pg_relation_size')) return [{ bytes: this.bytes } as Row];
    this.walks.push([from ?? '', to ?? '']);
    const id = found(to ?? '');
    return id === undefined ? [] : [{ id } as Row];
  }
}

async function marked(): Promise<Partition> {
  const partition = new Partition();
  for (let n = 0; n < 10; n++) await partition.lease();
  expect(partition.mark.mark).not.toBe('');
  return partition;
}

describe('a lease that fails', () => {
  for (const [how, sqlState] of [
    ['ran into the time limit of its statement', '57014'],
    ['ran into the time limit for a lock', '55P03'],
  ] as const) {
    test(`keeps the mark if it ${how}`, async () => {
      const partition = await marked();
      const { mark } = partition.mark;
      await expect(partition.fail(sqlState)).rejects.toThrow('it failed');
      expect(partition.mark.mark).toBe(mark);
    });
  }

  test('discards the mark after any other failure', async () => {
    const partition = await marked();
    await expect(partition.fail('08006')).rejects.toThrow('it failed');
    expect(partition.mark.mark).toBe('');
  });

  test('for its time limit makes the next walk continue from the mark', async () => {
    const partition = await marked();
    const { mark } = partition.mark;
    await expect(partition.fail('57014')).rejects.toThrow('it failed');
    partition.bytes = LONG;
    partition.last = 50_000_000;
    const first = idOf(40_000_000);
    partition.waiting = [first];
    const taken: (string | undefined)[] = [];
    const leasing = partition.mark.lease(async (from) => {
      taken.push(from);
      return [];
    });
    await leasing;
    expect(partition.walks[0]?.[0]).toBe(mark);
    expect(taken).toEqual([first]);
    expect(partition.mark.mark).toBe(first);
    // The steps are adjacent.
    expect(partition.walks.slice(1).map(([from]) => from)).toEqual(
      partition.walks.slice(0, -1).map(([, to]) => to),
    );
  });
});

describe('items that wait below a mark behind many dead entries', () => {
  /**
   * A process that has started and found its mark by a walk. It does not know how long
   * a read from the head takes.
   */
  async function started(): Promise<Partition> {
    const partition = new Partition();
    partition.bytes = LONG;
    partition.last = 1_000;
    await partition.lease(0);
    expect(partition.mark.mark).not.toBe('');
    return partition;
  }

  test('are found in the background, and leased before all items above the mark', async () => {
    const partition = await started();
    const { mark } = partition.mark;
    const below = idOf(7);
    partition.waiting = [below];
    await partition.clock.advance('5s');
    const taken: (string | undefined)[][] = [];
    const take = async (from: string, to?: string) => {
      taken.push([from, to]);
      return to === undefined ? [] : partition.waiting.splice(0).map((id) => ({ id }));
    };
    // This lease starts the check, and does not wait for it.
    expect(await partition.mark.lease(take)).toEqual([]);
    await expect.poll(() => partition.mark.pollFrom()).toBe(undefined);
    expect((await partition.mark.lease(take)).map(({ id }) => id)).toEqual([below]);
    expect(await partition.mark.lease(take)).toEqual([]);
    expect(taken).toEqual([
      [mark, undefined],
      [below, mark],
      [below, mark],
      [mark, undefined],
    ]);
    expect(partition.mark.mark).toBe(mark);
  });

  test('keep a produce for waiting consumers from leasing its own items', async () => {
    const partition = await started();
    partition.waiting = [idOf(7)];
    await partition.clock.advance('5s');
    const from: (string | undefined)[] = [];
    const store = async (start: string | undefined) => {
      from.push(start);
      return { leased: [] };
    };
    await partition.mark.produceAndLease(store);
    await expect.poll(() => partition.mark.pollFrom()).toBe(undefined);
    await partition.mark.produceAndLease(store);
    expect(from).toEqual([partition.mark.mark, undefined]);
  });
});

describe('a stored mark', () => {
  const start = async (written: ItemId | undefined): Promise<Partition> => {
    const partition = new Partition();
    partition.bytes = LONG;
    partition.last = 1_000;
    partition.written = written;
    await partition.lease(0);
    return partition;
  };

  test('is where a process that starts begins its walk', async () => {
    const written = idOf(900);
    const partition = await start(written);
    expect(partition.walks[0]?.[0]).toBe(written);
    expect(partition.mark.mark > written).toBe(true);
    expect(partition.written).toBe(partition.mark.mark);
  });

  test('is ignored if the sequence is below it', async () => {
    const partition = await start(idOf(5_000));
    expect(partition.walks[0]?.[0]).toBe('');
    expect(partition.mark.mark < idOf(5_000)).toBe(true);
  });

  test('is ignored again if the sequence is set back later', async () => {
    const partition = await marked();
    partition.last = 1;
    for (let n = 0; n < 3; n++) await partition.lease();
    expect(partition.mark.mark < idOf(5)).toBe(true);
  });

  test('is stored again as the mark advances, at most once in five seconds', async () => {
    const partition = await marked();
    const written = new Map<string, number>();
    const begun = partition.last;
    while (partition.last < begun + 300) {
      await partition.lease();
      written.set(partition.written ?? '', partition.last);
    }
    // Thirty seconds, and three hundred thousand items.
    expect(written.size).toBeGreaterThanOrEqual(6);
    expect(written.size).toBeLessThanOrEqual(8);
    expect((partition.written ?? '') > idOf(begun + 230)).toBe(true);
  });

  test('is a proven one, and is stored after each twenty thousand items', async () => {
    const partition = await marked();
    expect(partition.written).toBe(undefined);
    for (let n = 0; n < 15; n++) await partition.lease();
    const { written = '' } = partition;
    expect(written).not.toBe('');
    expect(written <= partition.mark.mark).toBe(true);
  });
});

describe('a process that starts with an index of medium size', () => {
  test('leases from the head, and searches for its mark in the background', async () => {
    const partition = new Partition();
    partition.bytes = MEDIUM;
    partition.last = 1_000;
    const from: string[] = [];
    const lease = () =>
      partition.mark.lease(async (start) => {
        from.push(start);
        return [];
      });
    await lease();
    await expect.poll(() => partition.mark.mark).toBe(boundAfter(1_000n));
    await lease();
    expect(from).toEqual(['', boundAfter(1_000n)]);
    expect(partition.walks).toHaveLength(1);
    expect(partition.written).toBe(partition.mark.mark);
  });

  test('does not search if the index is smaller', async () => {
    const partition = new Partition();
    partition.bytes = MEDIUM - 1;
    await partition.lease(0);
    await partition.clock.advance('1s');
    expect(partition.snapshots).toBe(0);
  });
});

describe('the mark, with leases of few items after leases of many', () => {
  test('follows until fewer than 1,000 items are behind it', async () => {
    const partition = await marked();
    expect(partition.mark.mark < idOf(9)).toBe(true);
    // Fewer items than justify a snapshot, and leases enough for three.
    for (let n = 0; n < 3 * 20 + 1; n++) await partition.lease(1);
    expect(partition.mark.mark > idOf(10)).toBe(true);
    const { snapshots } = partition;
    // One in five seconds, since other processes may have leased more.
    for (let n = 0; n < 500; n++) await partition.lease(1);
    expect(partition.snapshots).toBeLessThanOrEqual(snapshots + 10);
  });

  test('follows what other processes lease, within a few times five seconds', async () => {
    const partition = await marked();
    // They take 1,000 numbers of the sequence a second.
    for (let n = 0; n < 300; n++) {
      await partition.lease(1);
      partition.last += 100;
    }
    expect(partition.mark.mark > idOf(partition.last - 20_000)).toBe(true);
  });

  test('follows after it was lowered to an item that was released', async () => {
    const partition = await marked();
    for (let n = 0; n < 200; n++) await partition.lease(1);
    partition.mark.released([idOf(2)]);
    expect(partition.mark.mark).toBe(idOf(2));
    for (let n = 0; n < 3 * 20 + 1; n++) await partition.lease(1);
    expect(partition.mark.mark > idOf(210)).toBe(true);
  });
});
