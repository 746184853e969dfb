import {
  DEATH_REASONS,
  type FoundItem,
  type ImportedItem,
  ITEM_STATES,
  type ItemDetails,
  type ItemFilter,
  type Metadata,
  matchesFilter,
} from '@querator/core';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { EXPIRE_TIMEOUT, type PartitionScript } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';
import { findAll } from './find.ts';

/** Each run compares many filters. */
const RUNS = 4;

const TEXTS = ['', 'a', 'ab', '%', 'a%', '_', "'", "a' OR 1=1 --", '\\', '{"a":"b"}', '\u00e9', 'null', '[]'];
const BYTES = [0, 0xff, 0x25, 0x61, 0x5c];
const IDS = ['00000000000000abcABCDEFGHIJ', '00000000000000abdABCDEFGHIJ'];
/** Seconds before and after the start. */
const TIMES = [-3_600, -1, 0, 1, 60, 3_600, 100_000];

const text = fc.constantFrom(...TEXTS);
const payload = fc.array(fc.constantFrom(...BYTES), { maxLength: 6 }).map((bytes) => Uint8Array.from(bytes));
const metadata = fc.array(fc.tuple(text, text), { maxLength: 3 }).map((pairs): Metadata => new Map(pairs));

/** What is imported of an item. Times are in seconds from the start. */
const items = fc.array(
  fc.record({
    ...{ reference: text, kind: text, encoding: text, payload, metadata },
    firstId: fc.constantFrom(...IDS),
    error: fc.option(text, { nil: undefined }),
    source: fc.option(
      fc.record({
        error: fc.option(text, { nil: undefined }),
        reason: fc.constantFrom(...DEATH_REASONS, undefined),
        queue: text,
      }),
      { nil: undefined },
    ),
    hasDetails: fc.boolean(),
    state: fc.constantFrom('waiting', 'leased', 'scheduled'),
    due: fc.constantFrom(...TIMES),
  }),
  { minLength: 5, maxLength: 25 },
);

type RandomItem = (typeof items extends fc.Arbitrary<infer Each> ? Each : never)[number];

const range = fc.record({
  from: fc.constantFrom(...TIMES, undefined),
  to: fc.constantFrom(...TIMES, undefined),
});

const asked = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 1 });

/** Mostly few conditions, so that many filters find something. `ids` are positions of items. */
const filters = fc.array(
  fc
    .record({
      ...{ reference: asked(text), kind: asked(text), encoding: asked(text), error: asked(text) },
      ...{ payload: asked(payload), metadata: asked(metadata), created: asked(range), due: asked(range) },
      state: asked(fc.constantFrom(...ITEM_STATES)),
      reason: asked(fc.constantFrom(...DEATH_REASONS)),
      firstId: asked(fc.constantFrom(...IDS)),
      ids: asked(fc.array(fc.nat({ max: 24 }), { maxLength: 5 })),
      sourceId: asked(fc.nat({ max: 24 })),
      sourceQueue: asked(text),
      withoutError: asked(fc.boolean()),
    })
    .chain((all) =>
      fc.subarray(Object.keys(all) as (keyof typeof all)[], { maxLength: 2 }).map((keys) => {
        const some: Partial<typeof all> = {};
        for (const key of keys) Object.assign(some, { [key]: all[key] });
        return some;
      }),
    ),
  { minLength: 40, maxLength: 40 },
);

type RandomFilter = (typeof filters extends fc.Arbitrary<infer Each> ? Each : never)[number];

/** Compares a driver with core's `matchesFilter`, on random items and filters. */
export function describeRandomFinds(test: StorageTest): void {
  describe('find, at random', () => {
    test.ifCapable(['find', 'metadata'], 'finds what core says that a filter takes', async (fixture) => {
      const at = (script: PartitionScript, seconds: number) => script.in(`${seconds}s`);
      await fc.assert(
        fc.asyncProperty(items, filters, fc.integer({ min: 3, max: 30 }), async (given, asks, limit) => {
          const script = fixture.script();
          await script.store.import(
            given.map((item, index) => importedOf(item, index, (seconds) => at(script, seconds))),
            EXPIRE_TIMEOUT,
          );
          // Some items die, and wait for their dead-letter queue.
          const leased = await script.lease(2);
          await script.retry(...leased.map(({ id }) => ({ id, dead: true })));
          const all = await findAll(script, {}, { withPayload: true });
          expect(all).toHaveLength(given.length);
          for (const ask of asks) {
            const filter = filterOf(ask, all, (seconds) => at(script, seconds));
            const expected = all.filter((item) => matchesFilter(item, filter, hasPart(item))).map(idOf);
            const found = await findAll(script, filter, { limit });
            expect({ filter, found: found.map(idOf) }).toEqual({ filter, found: expected });
          }
        }),
        { numRuns: RUNS },
      );
    });
  });
}

const idOf = ({ id }: FoundItem) => id;

const hasPart = (item: FoundItem) => (part: Uint8Array) =>
  Buffer.from(item.payload ?? []).includes(Buffer.from(part));

function importedOf(
  item: RandomItem,
  index: number,
  at: (seconds: number) => ReturnType<PartitionScript['in']>,
): ImportedItem {
  const { reference, kind, encoding, payload, state } = item;
  const due = at(item.due);
  return {
    ...{ reference, kind, encoding, payload, attempts: 0, maxAttempts: 0, sourceId: `source ${index}` },
    isLeased: state === 'leased',
    ...(state === 'leased' && { leaseDeadline: due }),
    ...(state === 'scheduled' && { enqueueAt: due }),
    ...(state === 'waiting' && { expireDeadline: due }),
    ...(item.hasDetails && { details: detailsOf(item, at) }),
  };
}

function detailsOf(
  { firstId, metadata, error, source }: RandomItem,
  at: (seconds: number) => ReturnType<PartitionScript['in']>,
): ItemDetails {
  const place = {
    queue: source?.queue ?? '',
    partition: 0,
    id: IDS[0] ?? '',
    attempts: 1,
    producedAt: at(0),
  };
  const death = source?.reason && { at: at(1), reason: source.reason };
  return { firstId, metadata, error, source: source && { ...place, death, error: source.error } };
}

function filterOf(
  { ids, sourceId, created, due, ...others }: RandomFilter,
  all: readonly FoundItem[],
  at: (seconds: number) => ReturnType<PartitionScript['in']>,
): ItemFilter {
  const rangeOf = (seconds: { from?: number | undefined; to?: number | undefined } | undefined) =>
    seconds && {
      from: seconds.from === undefined ? undefined : at(seconds.from),
      to: seconds.to === undefined ? undefined : at(seconds.to),
    };
  return {
    ...others,
    created: rangeOf(created),
    due: rangeOf(due),
    ids: ids?.map((position) => all[position]?.id ?? 'none'),
    sourceId: sourceId === undefined ? undefined : `source ${sourceId}`,
  };
}
