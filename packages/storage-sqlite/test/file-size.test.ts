import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test, vi } from 'vitest';
import { HOUR, newFolder, openBackend } from './support/new-folder.ts';

const KEY = { queue: 'mail', partition: 0 };

/** Many items of a kilobyte. */
function items(count: number) {
  const payload = new Uint8Array(1_000);
  return [
    { items: Array.from({ length: count }, () => ({ encoding: '', kind: '', reference: '', payload })) },
  ];
}

describe('the file', () => {
  test('does not grow while as much is removed as is added', async () => {
    const path = join(await newFolder(), 'queues.db');
    const backend = openBackend(path, { durability: 'normal' });
    const partition = backend.partitionStore(KEY);
    const sizes: number[] = [];
    for (let round = 0; round < 10; round++) {
      await partition.produce(items(2_000), HOUR);
      const leased = await partition.lease({ limit: 2_000, leaseTimeout: HOUR });
      await partition.complete([{ ids: leased.map(({ id }) => id) }]);
      sizes.push(statSync(path).size + statSync(`${path}-wal`).size);
    }
    expect(sizes.at(-1)).toBeLessThan(1.5 * Math.max(...sizes.slice(0, 5)));
  });

  test('gives the pages of a dropped partition back, and its rows go by themselves', async () => {
    const path = join(await newFolder(), 'queues.db');
    const backend = openBackend(path, { durability: 'normal' });
    const partition = backend.partitionStore(KEY);
    await partition.produce(items(12_000), HOUR);
    await partition.drop();
    expect(await partition.stats()).toMatchObject({ waiting: 0 });
    const file = new DatabaseSync(path);
    const count = (sql: string) => Object.values(file.prepare(sql).get() ?? {})[0];
    await vi.waitFor(
      () => {
        expect(count('select count(*) from items')).toBe(0);
        expect(count('select count(*) from dropped_partitions')).toBe(0);
        // 2,000 pages may stay for new items, besides a quarter of the file.
        expect(count('pragma page_count')).toBeLessThan(2_900);
      },
      { timeout: 20_000 },
    );
    file.close();
  });
});
