import { PAYLOAD_BUDGET, type Queue } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { Harness, item, queueCall } from './support/harness.ts';

/** Queues with texts of the greatest length. */
async function withQueues(count: number, requestedPartitions = 1): Promise<Harness> {
  const h = new Harness();
  for (let n = 0; n < count; n++) {
    const name = `q${`${n}`.padStart(5, '0')}`;
    await h.service.queues.create(
      queueCall(name, { reference: 'r'.repeat(2_000), requestedPartitions, namespace: 'ns' }),
    );
  }
  return h;
}

/** All queues, page after page, each from the last name of the page before. */
async function walk({ service }: Harness, limit: number) {
  const names: string[] = [];
  const sizes: number[] = [];
  for (let pivot = ''; ; pivot = names.at(-1) as string) {
    const { items, more } = await service.queues.page({ namespace: 'ns', pivot, limit });
    sizes.push(items.length);
    names.push(...items.map(({ name }) => name).filter((name) => name !== pivot));
    if (!more) return { names, sizes };
  }
}

describe('a page of queues', () => {
  test('ends when its texts reach the budget', async () => {
    const h = await withQueues(3_000);
    const { names, sizes } = await walk(h, 65_536);
    expect(names).toHaveLength(3_000);
    expect(names.toSorted()).toEqual(names);
    expect(sizes).toHaveLength(2);
    expect(sizes[0]).toBeLessThanOrEqual(PAYLOAD_BUDGET / (3 * 2_000));
    expect(sizes[0]).toBeGreaterThan(PAYLOAD_BUDGET / (4 * 2_000));
  });

  test('ends when its placements reach the budget', async () => {
    const h = await withQueues(300, 1_024);
    const { names, sizes } = await walk(h, 0);
    expect(names).toHaveLength(300);
    expect(sizes).toHaveLength(2);
  });

  test.each([1, 2, 249, 250, 251, 499, 500, 501, 502, 600])(
    'reports with a limit of %s whether more queues follow',
    async (limit) => {
      const h = await withQueues(501);
      const { items, more } = await h.service.queues.page({ namespace: 'ns', pivot: '', limit });
      expect(items).toHaveLength(Math.min(limit, 501));
      expect(more).toBe(limit < 501);
      const from = items.at(-1) as Queue;
      const next = await h.service.queues.page({ namespace: 'ns', pivot: from.name, limit: 2 });
      expect(next.items[0]?.name).toBe(from.name);
      expect(next.items).toHaveLength(more ? 2 : 1);
    },
  );
});

describe('a page of items', () => {
  const call = { queueName: 'q', partition: 0, pivot: '', limit: 0 };

  async function withItems(...sizes: readonly number[]): Promise<Harness> {
    const h = new Harness();
    await h.create('q');
    for (const size of sizes) {
      const items = [{ ...item(''), reference: '', kind: '', encoding: '', payload: new Uint8Array(size) }];
      await h.service.queue.produce({ queueName: 'q', requestTimeout: '1m', items });
    }
    return h;
  }

  test.each([
    [[PAYLOAD_BUDGET], 1, false],
    [[PAYLOAD_BUDGET, 1], 2, false],
    [[PAYLOAD_BUDGET, 1, 1], 2, true],
    [[1, PAYLOAD_BUDGET], 2, false],
    [[1, PAYLOAD_BUDGET, 1], 2, true],
    [[1, 1, PAYLOAD_BUDGET - 2], 3, false],
    [[1, 1, PAYLOAD_BUDGET - 2, 1], 3, true],
    [[1, 1, PAYLOAD_BUDGET - 3, 1], 4, false],
    [[1, 1, PAYLOAD_BUDGET - 3, 1, 1], 4, true],
  ])('of sizes %j ends after %s items, with more to follow: %s', async (sizes, length, more) => {
    const h = await withItems(...sizes);
    const page = await h.service.storage.itemsPage(call);
    expect([page.items.length, page.more]).toEqual([length, more]);
  });

  test('counts the bytes of texts too', async () => {
    const h = new Harness();
    await h.create('q');
    const items = Array.from({ length: 20 }, () => ({ ...item(''), reference: 'r'.repeat(1_000_000) }));
    await h.service.queue.produce({ queueName: 'q', requestTimeout: '1m', items });
    const page = await h.service.storage.itemsPage(call);
    expect(page).toMatchObject({ items: { length: 16 }, more: true });
    expect((await h.lease('q', 20)).items.length).toBeLessThan(20);
  });

  test('of an import reply ends like a page of a list', async () => {
    const h = new Harness({ importBatch: 65_537 });
    await h.create('q');
    const imported = (size: number) => ({
      ...item(''),
      isLeased: false,
      attempts: 0,
      maxAttempts: 0,
      payload: new Uint8Array(size),
    });
    const importing = async (...sizes: readonly number[]) => {
      const items = sizes.map(imported);
      const page = await h.service.storage.importPage({ queueName: 'q', partition: 0, items });
      return [page.items.length, page.more];
    };
    expect(await importing(1, 1, 1)).toEqual([3, false]);
    expect(await importing(PAYLOAD_BUDGET, PAYLOAD_BUDGET)).toEqual([2, false]);
    expect(await importing(PAYLOAD_BUDGET, 1, 1)).toEqual([2, true]);
    expect(await importing(1, 1, PAYLOAD_BUDGET, 1)).toEqual([3, true]);
    expect(await importing(...Array(65_537).fill(0))).toEqual([65_536, true]);
    const text = 'items is invalid; max_import_batch_size is 65537 but received 65538';
    await expect(importing(...Array(65_538).fill(0))).rejects.toThrow(text);
  });
});
