import { type Instant, instantFromMicroseconds, milliseconds, SystemClock } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOUR, item } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

const FIRST = instantFromMicroseconds(-62_135_596_800_000_000n + 1n);
const LAST = instantFromMicroseconds(253_402_300_799_999_999n);
/** What an operator may write into the table: living items expire before the year 50,000. */
const YEAR_1_BC = instantFromMicroseconds(-62_167_219_200_000_000n);
const LAST_OF_YEAR_49999 = instantFromMicroseconds(1_515_680_380_799_999_999n);

describe('time', () => {
  let database: TestDatabase;
  let backend: ReturnType<typeof testBackend>;
  beforeAll(async () => {
    database = await createTestDatabase();
    backend = testBackend(database.connectionString);
  });
  afterAll(async () => {
    await backend.close();
    await database.drop();
  });

  test.each([
    FIRST,
    instantFromMicroseconds(-1n),
    instantFromMicroseconds(0n),
    instantFromMicroseconds(1_767_225_600_123_457n),
    LAST,
  ])('%i is returned exact to the microsecond, however it is stored', async (instant: Instant) => {
    const store = backend.partitionStore({ queue: `exact ${instant}`, partition: 0 });
    const common = { ...item('a'), attempts: 1, maxAttempts: 0, expireDeadline: instant };
    const [leased, scheduled] = await store.import(
      [
        { ...common, isLeased: true, leaseDeadline: instant },
        { ...common, isLeased: false, enqueueAt: instant },
      ],
      HOUR,
    );
    expect(leased).toMatchObject({ leaseDeadline: instant, expireDeadline: instant });
    expect(scheduled).toMatchObject({ enqueueAt: instant, expireDeadline: instant });
    const [again] = await store.list({ state: 'queued', pivot: '', limit: 1 });
    expect(again).toEqual(leased);
  });

  test.each([YEAR_1_BC, FIRST, LAST, LAST_OF_YEAR_49999])(
    'an expire deadline of %i survives the states moving and moved',
    async (expireDeadline) => {
      const store = backend.partitionStore({ queue: `moving ${expireDeadline}`, partition: 0 });
      const [leased] = await store.import(
        [{ ...item('a'), isLeased: true, leaseDeadline: LAST, attempts: 1, maxAttempts: 0, expireDeadline }],
        HOUR,
      );
      const id = leased?.id ?? '';
      const listed = () => store.list({ state: 'queued', pivot: '', limit: 10 });
      const rules = { maxAttempts: 0, dead: 'move' } as const;
      const sweep = { ...rules, limit: 10, claimTimeout: HOUR };
      await store.retry([{ items: [{ id, dead: true }] }], rules);
      const { dead } = await store.sweep({ ...sweep, claimTimeout: milliseconds(0) });
      expect(dead).toMatchObject([{ id, expireDeadline }]);
      expect(await listed()).toMatchObject([{ id, expireDeadline }]);
      await store.markMoved([id]);
      expect(await listed()).toMatchObject([{ id, expireDeadline }]);
      expect(await store.sweep(sweep)).toMatchObject({ dead: [], moved: [id] });
      expect(await listed()).toMatchObject([{ id, expireDeadline }]);
      expect(await store.sweep(sweep)).toMatchObject({ dead: [], moved: [] });
    },
  );

  test("without an injected clock the database's clock decides", async () => {
    const store = backend.partitionStore({ queue: 'now', partition: 0 });
    await store.stats();
    const clock = new SystemClock();
    const before = clock.now();
    await store.produce([{ items: [item('a')] }], HOUR);
    const [leased] = await store.lease({ limit: 1, leaseTimeout: HOUR });
    const [stored] = await store.list({ state: 'queued', pivot: '', limit: 1 });
    const after = clock.now();
    // The database runs on this machine, and has the same clock.
    expect(stored?.createdAt).toBeGreaterThanOrEqual(before);
    expect(stored?.createdAt).toBeLessThanOrEqual(after);
    expect(leased?.leaseDeadline).toBe(stored?.leaseDeadline);
  });
});
