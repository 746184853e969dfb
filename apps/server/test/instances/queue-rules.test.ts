import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Instances } from './support/instances.ts';

const ROUNDS = 60;

let both: Instances;

beforeAll(async () => {
  both = await Instances.start(2);
}, 60_000);
afterAll(() => both?.stop());

const SETTINGS = { lease_timeout: '1m', expire_timeout: '24h', requested_partitions: 1 };

const create = (instance: number, queue_name: string, dead_queue: string) =>
  both.post(instance, 'queues.create', { queue_name, dead_queue, ...SETTINGS });
const update = (instance: number, queue_name: string, dead_queue: string) =>
  both.post(instance, 'queues.update', { queue_name, dead_queue });
const remove = (instance: number, queue_name: string) => both.post(instance, 'queues.delete', { queue_name });

/** Runs `calls` at the same time, in rounds on new queues. One call succeeds, and the other is refused. */
async function expectOneEach(
  kind: string,
  calls: (names: { first: string; middle: string; last: string }) => readonly Promise<{ status: number }>[],
): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const [first, middle, last] = [`${kind}-${round}-a`, `${kind}-${round}-b`, `${kind}-${round}-c`];
    for (const name of [first, middle, last]) await both.create(0, name);
    const replies = await Promise.all(calls({ first, middle, last }));
    expect(replies.map(({ status }) => status).sort(), `round ${round}`).toEqual([200, 400]);
  }
}

describe('rules between two queues, changed at two instances at once', { timeout: 120_000 }, () => {
  test('one of two updates that point at each other is refused', () =>
    expectOneEach('opposite', ({ first, middle }) => [update(0, first, middle), update(1, middle, first)]));

  test('one of two updates that make a chain is refused', () =>
    expectOneEach('chain', ({ first, middle, last }) => [update(0, first, middle), update(1, middle, last)]));

  test('one of a create and an update that make a chain is refused', () =>
    expectOneEach('create', ({ first, middle, last }) => [
      create(0, `${first}-new`, middle),
      update(1, middle, last),
    ]));

  test('one of a deletion and an update that uses the queue is refused', () =>
    expectOneEach('delete', ({ first, middle }) => [remove(0, middle), update(1, first, middle)]));
});
