import { describe, expect, test } from 'vitest';
import { DRIVERS, fresh, textOf, useFixtures, watch } from './support/service-fixture.ts';

const newFixture = useFixtures();
const UNKNOWN = '0'.repeat(27);
const TOO_GREAT = 'z'.repeat(27);

describe.each(DRIVERS)('a request on %s applies as a whole or not at all', (driver) => {
  /** Four leased items a, b, c and d, a waiting item and a scheduled one. */
  async function stocked() {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    await fixture.produce(q, 'a', 'b', 'c', 'd', 'waits');
    await fixture.produce(q, { ...emptyItem, enqueueAt: fixture.in('1h') });
    await fixture.lease(q, 4);
    const [a, b, c, d, waits] = (await fixture.items(q)).map(({ id }) => id) as [
      string,
      string,
      string,
      string,
      string,
    ];
    const scheduled = (await fixture.scheduled(q))[0]?.id as string;
    return { fixture, q, ids: { a, b, c, d, waits, scheduled } };
  }
  type Ids = Awaited<ReturnType<typeof stocked>>['ids'];

  const BAD: [string, (ids: Ids) => string, (id: string, done: string) => string][] = [
    ['is unknown', () => UNKNOWN, (id) => `invalid storage id; '${id}' does not exist`],
    ['is scheduled', ({ scheduled }) => scheduled, (id) => `invalid storage id; '${id}' does not exist`],
    [
      'waits',
      ({ waits }) => waits,
      (id, done) => `item(s) cannot be ${done}; '${id}' is not marked as leased`,
    ],
    [
      'is too short',
      () => 'x',
      (id) => `invalid storage id; '${id}': Valid encoded KSUIDs are 27 characters`,
    ],
    [
      'is too great',
      () => TOO_GREAT,
      (id) =>
        `invalid storage id; '${id}': Valid encoded KSUIDs are bounded by ${UNKNOWN} and aWgEPTl1tmebfsQzFP4bxwgy80V`,
    ],
  ];

  test.each(BAD)('G11: a complete whose middle id %s changes nothing', async (_, pick, text) => {
    const { fixture, q, ids } = await stocked();
    const bad = pick(ids);
    await expect(fixture.completeIds(q, 0, ids.a, bad, ids.b)).rejects.toMatchObject({
      code: 'invalid',
      message: text(bad, 'completed'),
    });
    expect(await fixture.payloads(q)).toEqual(['a', 'b', 'c', 'd', 'waits']);
    await fixture.completeIds(q, 0, ids.a, ids.b);
    expect(await fixture.payloads(q)).toEqual(['c', 'd', 'waits']);
  });

  test.each(BAD)('G11: a retry whose middle id %s changes nothing', async (_, pick, text) => {
    const { fixture, q, ids } = await stocked();
    const bad = pick(ids);
    const items = [ids.a, bad, ids.b].map((id, n) => ({ id, dead: n === 0 }));
    await expect(fixture.service.queue.retry({ queueName: q, partition: 0, items })).rejects.toMatchObject({
      code: 'invalid',
      message: text(bad, 'retried'),
    });
    expect((await fixture.items(q)).filter(({ isLeased }) => isLeased).map(textOf)).toEqual([
      'a',
      'b',
      'c',
      'd',
    ]);
  });

  test('the error names the first of several bad ids', async () => {
    const { fixture, q, ids } = await stocked();
    await expect(fixture.completeIds(q, 0, ids.a, ids.waits, UNKNOWN)).rejects.toThrow(
      `'${ids.waits}' is not`,
    );
    await expect(fixture.completeIds(q, 0, ids.a, UNKNOWN, ids.waits)).rejects.toThrow(
      `'${UNKNOWN}' does not`,
    );
  });

  test('requests that share a statement with a bad one succeed', async () => {
    const { fixture, q, ids } = await stocked();
    const release = fixture.storage().hold('complete', 0);
    const first = watch(fixture.completeIds(q, 0, ids.d));
    await fixture.settle();
    const beside = [
      watch(fixture.completeIds(q, 0, ids.a, UNKNOWN)),
      watch(fixture.completeIds(q, 0, ids.b)),
      watch(fixture.completeIds(q, 0, ids.waits, ids.c)),
      watch(fixture.completeIds(q, 0, ids.c)),
    ];
    release();
    await fixture.settle();
    expect(first.state).toBe('fulfilled');
    expect(beside.map(({ state }) => state)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
    expect(fixture.storage().count('complete')).toBe(2);
    expect(await fixture.payloads(q)).toEqual(['a', 'waits']);
  });

  test('one of two concurrent requests that name an id gets it', async () => {
    const { fixture, q, ids } = await stocked();
    const both = await Promise.allSettled([
      fixture.completeIds(q, 0, ids.a, ids.b),
      fixture.completeIds(q, 0, ids.b, ids.c),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await fixture.payloads(q)).toEqual(['c', 'd', 'waits']);
  });

  test('a request that names an id twice is refused without effect', async () => {
    const { fixture, q, ids } = await stocked();
    const twice = [ids.a, ids.b, ids.a];
    const text = `invalid storage id; '${ids.a}' is listed more than once`;
    await expect(fixture.completeIds(q, 0, ...twice)).rejects.toThrow(text);
    const items = twice.map((id) => ({ id, dead: false }));
    await expect(fixture.service.queue.retry({ queueName: q, partition: 0, items })).rejects.toThrow(text);
    const { storage } = fixture.service;
    await expect(storage.deleteItems({ queueName: q, partition: 0, ids: twice })).rejects.toThrow(text);
    expect(await fixture.payloads(q)).toEqual(['a', 'b', 'c', 'd', 'waits']);
  });

  test('a delete with a malformed id removes nothing', async () => {
    const { fixture, q, ids } = await stocked();
    const call = { queueName: q, partition: 0, ids: [ids.a, 'x', ids.b] };
    await expect(fixture.service.storage.deleteItems(call)).rejects.toThrow(
      "invalid storage id; 'x': Valid encoded KSUIDs are 27 characters",
    );
    expect(await fixture.payloads(q)).toHaveLength(5);
  });

  test('an import with a bad item stores no item', async () => {
    const { fixture, q } = await stocked();
    const good = { ...emptyItem, isLeased: false, attempts: 0, maxAttempts: 0 };
    const call = { queueName: q, partition: 0, items: [good, { ...good, attempts: -1 }] };
    await expect(fixture.service.storage.importItems(call)).rejects.toMatchObject({ code: 'invalid' });
    expect(await fixture.payloads(q)).toHaveLength(5);
  });

  test('complete frees the source id', async () => {
    const { fixture, q } = await stocked();
    const sourceId = '4'.repeat(27);
    const given = {
      ...emptyItem,
      isLeased: true,
      leaseDeadline: fixture.in('1h'),
      attempts: 1,
      maxAttempts: 0,
    };
    const call = { queueName: q, partition: 0, items: [{ ...given, sourceId }] };
    const [stored] = await fixture.service.storage.importItems(call);
    expect(await fixture.service.storage.importItems(call)).toEqual([]);
    await fixture.completeIds(q, 0, stored?.id as string);
    expect(await fixture.service.storage.importItems(call)).toHaveLength(1);
  });

  test('a request on a failing storage gets "retry", and has no effect', async () => {
    const { fixture, q, ids } = await stocked();
    fixture.storage().fail('complete', 0, 'not-applied');
    await expect(fixture.completeIds(q, 0, ids.a, ids.b)).rejects.toMatchObject({
      code: 'retry',
      message: 'internal error, try your request again',
    });
    await expect(fixture.completeIds(q, 0, ids.a)).rejects.toMatchObject({
      code: 'retry',
      message: "partition not available; partition '0' is failing, retry again",
    });
    fixture.storage().heal(0);
    await fixture.advance('1s');
    await fixture.completeIds(q, 0, ids.a, ids.b);
    expect(await fixture.payloads(q)).toEqual(['c', 'd', 'waits']);
  });
});

const emptyItem = { encoding: '', kind: '', reference: '', payload: new Uint8Array() };
