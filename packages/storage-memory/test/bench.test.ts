import { type BenchRow, benchDriver } from '@querator/storage-conformance';
import { expect, test } from 'vitest';
import { driver } from '../src/index.ts';

/** A clock that advances by a millisecond at each look. */
function countingClock(): () => number {
  let ms = 0;
  return () => ms++;
}

async function rowsOf(options: Parameters<typeof benchDriver>[2]): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for await (const row of benchDriver(driver, {}, { nowMs: countingClock(), ...options })) rows.push(row);
  return rows;
}

test('a benchmark has a row for each call, batch and number of calls at once', async () => {
  const rows = await rowsOf({ batches: [1, 10], concurrency: [1, 3], measureMs: 60 });
  expect(rows.map(({ call, batch, concurrency }) => `${call} ${batch} ${concurrency}`)).toEqual([
    ...['produce 1 1', 'lease 1 1', 'complete 1 1', 'produce 10 1', 'lease 10 1', 'complete 10 1'],
    ...['produce 1 3', 'lease 1 3', 'complete 1 3', 'produce 10 3', 'lease 10 3', 'complete 10 3'],
  ]);
  for (const row of rows) {
    expect(row.itemsPerSecond).toBeGreaterThan(0);
    expect(row.medianMs).toBeGreaterThan(0);
    expect(row.p99Ms).toBeGreaterThanOrEqual(row.medianMs);
  }
});

test('ten items per call are ten times as many items in the same number of calls', async () => {
  const [one, ten] = await Promise.all(
    [1, 10].map(async (batch) => (await rowsOf({ batches: [batch], concurrency: [1], measureMs: 60 }))[0]),
  );
  expect(Math.round((ten?.itemsPerSecond ?? 0) / 10)).toBe(one?.itemsPerSecond);
});

test('options that the driver refuses end a benchmark', async () => {
  const rows = benchDriver(driver, { size: 1 }, {});
  await expect(rows.next()).rejects.toThrow('unknown key; this driver has no options');
});
