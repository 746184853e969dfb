import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Instances } from './support/instances.ts';

let both: Instances;

beforeAll(async () => {
  both = await Instances.start(2);
}, 60_000);
afterAll(() => both?.stop());

interface ProducedItem {
  readonly id: string;
  readonly duplicate?: boolean;
}

/** Produces one item under each key, or all under one. */
async function produce(instance: number, queue_name: string, body: object): Promise<readonly ProducedItem[]> {
  const request = { queue_name, request_timeout: '30s', ...body };
  const { status, json, text } = await both.post(instance, 'queue.produce', request, 'v2');
  expect(status, text).toBe(200);
  return json.items;
}

const itemsIn = async (queue_name: string, partitions: number): Promise<number> => {
  const counts = Array.from({ length: partitions }, async (_, partition) => {
    const { json } = await both.ask(0, 'storage/items.list', { queue_name, partition });
    return (json.items ?? []).length as number;
  });
  return (await Promise.all(counts)).reduce((sum, each) => sum + each, 0);
};

describe('dedup keys at two instances on one database', { timeout: 60_000 }, () => {
  test('a repeat at the other instance is a duplicate', async () => {
    await both.create(0, 'repeated');
    const body = { items: [{ utf8: 'a' }, { utf8: 'b' }], dedup_key: 'k' };
    const first = await produce(0, 'repeated', body);
    expect(await produce(1, 'repeated', body)).toEqual(first.map((item) => ({ ...item, duplicate: true })));
  });

  test('one of many concurrent produces of each key stores, and all others get its ids', async () => {
    await both.create(0, 'raced', { requested_partitions: 3 });
    const keys = Array.from({ length: 20 }, (_, n) => `key ${n}`);
    const rounds = Array.from({ length: 12 }, (_, n) => n);
    const answers = await Promise.all(
      rounds.flatMap((round) => {
        // Requests of several keys in different orders, and of one key.
        const shuffled = [...keys.slice(round), ...keys.slice(0, round)];
        const items = shuffled.map((key) => ({ utf8: `${key} ${round}`, dedup_key: key }));
        const one = keys[round] as string;
        return [
          produce(round % 2, 'raced', { items }).then((made) => made.map((item, n) => [shuffled[n], item])),
          produce((round + 1) % 2, 'raced', { items: [{ utf8: one }], dedup_key: one }).then((made) =>
            made.map((item) => [one, item]),
          ),
        ];
      }),
    );
    const byKey = Map.groupBy(answers.flat() as [string, ProducedItem][], ([key]) => key);
    for (const key of keys) {
      const items = (byKey.get(key) ?? []).map(([, item]) => item);
      expect(items.length).toBeGreaterThanOrEqual(rounds.length);
      expect(items.filter(({ duplicate }) => duplicate !== true)).toHaveLength(1);
      expect(new Set(items.map(({ id }) => id)).size).toBe(1);
    }
    expect(await itemsIn('raced', 3)).toBe(keys.length);
  });
});
