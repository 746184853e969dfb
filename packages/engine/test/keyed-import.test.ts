import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { describe, expect, test } from 'vitest';
import {
  createService,
  type GivenItem,
  type ImportGivenItemsCall,
  type ImportOutcome,
} from '../src/index.ts';
import { Harness, item, queueCall } from './support/harness.ts';

/** An item with its text as payload. */
function given(text: string, rest: Partial<GivenItem> = {}): GivenItem {
  return {
    ...item(text),
    ...{ state: '', partition: 0, dedupKey: '', attempts: 0, maxAttempts: 0 },
    ...rest,
  };
}

function importInto(
  h: Harness,
  items: readonly GivenItem[],
  keys: Partial<ImportGivenItemsCall> = {},
): Promise<readonly ImportOutcome[]> {
  return h.service.itemChanges.import({ queueName: 'q', items, dedupKey: '', dedupWindow: '', ...keys });
}

/** `stored`, `duplicate`, or the reason of an item's error. */
function statesOf(outcomes: readonly ImportOutcome[]) {
  return outcomes.map((each) =>
    'error' in each ? each.error.reason : each.duplicate ? 'duplicate' : 'stored',
  );
}

describe('an import with dedup keys', () => {
  test('stores the items of new keys in their order, also beside a key that comes twice', async () => {
    const h = new Harness();
    await h.create('q');
    const items = ['b', 'a', 'b', 'c'].map((key, n) => given(`${key}${n}`, { dedupKey: key }));
    expect(statesOf(await importInto(h, items))).toEqual(['stored', 'stored', 'duplicate', 'stored']);
    expect(statesOf(await importInto(h, items))).toEqual(Array(4).fill('duplicate'));
    expect(await h.payloads('q')).toEqual(['b0', 'a1', 'c3']);
  });

  test('with a key for the request stores each partition once, and goes on where a failure ended it', async () => {
    const h = new Harness();
    await h.create('q', { requestedPartitions: 3 });
    const items = [0, 1, 2, 1].map((partition, n) => given(`${n}`, { partition }));
    const key = { dedupKey: 'all', dedupWindow: '1h' };
    h.storage.fail('importKeyed', 1, 'unknown-applied');
    expect(statesOf(await importInto(h, items, key))).toEqual([
      'stored',
      'outcome_unknown',
      'stored',
      'outcome_unknown',
    ]);
    h.storage.heal(1);
    expect(statesOf(await importInto(h, items, key))).toEqual(Array(4).fill('duplicate'));
    const stored = await Promise.all([0, 1, 2].map((partition) => h.payloads('q', partition)));
    expect(stored).toEqual([['0'], ['1', '3'], ['2']]);
  });

  test('is refused as a whole if the queue may hold no more keys, and its ended keys are removed', async () => {
    const h = new Harness({ dedupKeys: 2 });
    await h.create('q');
    const items = ['a', 'b'].map((key) => given(key, { dedupKey: key }));
    await importInto(h, items, { dedupWindow: '30s' });
    await expect(importInto(h, items)).rejects.toMatchObject({ code: 'retry', reason: 'over_limit' });
    await h.clock.advance('1m');
    expect(statesOf(await importInto(h, items))).toEqual(['stored', 'stored']);
  });

  test('is refused by a storage without dedup keys, which imports without them', async () => {
    const [clock, random] = [new ManualClock(), new SeededRandom()];
    const backend = memoryBackend({ name: 'plain', clock, random });
    const partitionStore = backend.partitionStore.bind(backend);
    backend.partitionStore = (key, owner) =>
      Object.assign(partitionStore(key, owner), { importKeyed: undefined });
    const storages = [{ backend, affinity: 1 }];
    const service = createService({ clock, random, queueStore: backend.queueStore(), storages });
    await service.queues.create(queueCall('q'));
    const call = { queueName: 'q', items: [given('a')], dedupKey: 'k', dedupWindow: '' };
    await expect(service.itemChanges.import(call)).rejects.toMatchObject({
      ...{ code: 'invalid', missing: 'dedup' },
      message: "dedup_key is invalid; storage 'plain' does not support dedup keys",
    });
    expect(statesOf(await service.itemChanges.import({ ...call, dedupKey: '' }))).toEqual(['stored']);
  });

  test.each([
    [{}, ['a', ''], "dedup_key is required; item '1' has none, and the others of the import have one"],
    [
      { dedupKey: 'k' },
      ['a', ''],
      'dedup_key is invalid; the request may have one or its items, but not both',
    ],
    [{ dedupWindow: '5m' }, [''], 'dedup_window is invalid; neither the request nor an item has a dedup_key'],
    [
      { dedupKey: 'k' },
      Array<string>(10_001).fill(''),
      'items is invalid; an import with dedup keys has at most 10000 but received 10001',
    ],
  ])('is refused with %j and such keys of items', async (keys, itemKeys, message) => {
    const h = new Harness();
    await h.create('q');
    const items = itemKeys.map((dedupKey) => given('a', { dedupKey }));
    await expect(importInto(h, items, keys)).rejects.toMatchObject({ code: 'invalid', message });
    expect(h.storage.count('importKeyed') + h.storage.count('import')).toBe(0);
  });
});
