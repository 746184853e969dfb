import type { Client } from '@querator/client';
import { addDuration, type Duration, parseDuration } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { codecsV2, type ItemsDedupKey, toTimestamp } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { compareKeys, KeyDigests } from '../src/index.ts';

const EMPTY = codecsV2.ItemsExportResponse.fromJson('{}');
const DAY = parseDuration('24h');

/** A server that has pages of dedup keys, and what a comparison with it needs. */
function serverWith(pages: readonly (readonly ItemsDedupKey[])[], clock = new ManualClock()) {
  const asked: string[] = [];
  const client = {
    v2: {
      items: {
        export: async ({ cursor }: { readonly cursor: string }) => {
          asked.push(cursor);
          const page = Number(cursor || 0);
          const next = page + 1 < pages.length ? String(page + 1) : '';
          return { ...EMPTY, hasDedupKeys: true, dedupKeys: pages[page] ?? [], cursor: next };
        },
      },
    },
  } as unknown as Client;
  const work = { random: new SeededRandom(), sleep: async () => {}, signal: new AbortController().signal };
  return { asked, clock, options: { ...work, client, clock, since: clock.now() } };
}

/** A key whose window ends so long after the start of the clock. */
function keyOf(key: string, endsIn: Duration, more: Partial<ItemsDedupKey> = {}): ItemsDedupKey {
  const endsAt = toTimestamp(addDuration(new ManualClock().now(), endsIn));
  return { partition: 0, key, ids: [`00000000000000001aTq0VcR8xY`], endsAt, ...more };
}

function digestsOf(keys: readonly ItemsDedupKey[]): KeyDigests {
  const digests = new KeyDigests();
  for (const key of keys) digests.add(key);
  return digests;
}

describe('the comparison of dedup keys', () => {
  const keys = ['a', 'b', 'c'].map((key) => keyOf(key, DAY));

  test('reads all pages, in whatever order and partition the keys are', async () => {
    const [a, b, c] = keys as [ItemsDedupKey, ItemsDedupKey, ItemsDedupKey];
    const { asked, options } = serverWith([[c, { ...a, partition: 3 }], [], [b]]);
    expect(await compareKeys(options, 'q', digestsOf(keys))).toEqual({ expected: 3, found: 3, isSame: true });
    expect(asked).toEqual(['', '1', '2']);
  });

  test.each([
    ['a missing key', keys.slice(1), 2],
    ['a further key', [...keys, keyOf('d', DAY)], 4],
    ['another key', [...keys.slice(1), keyOf('d', DAY)], 3],
    ['another id', [...keys.slice(1), keyOf('a', DAY, { ids: ['00000000000000002aTq0VcR8xY'] })], 3],
    ['another end', [...keys.slice(1), keyOf('a', parseDuration('24h1us'))], 3],
    ['an end in another minute', [...keys.slice(1), keyOf('a', parseDuration('25h'))], 3],
  ])('finds %s', async (_, held, found) => {
    const { options } = serverWith([held]);
    expect(await compareKeys(options, 'q', digestsOf(keys))).toEqual({ expected: 3, found, isSame: false });
  });

  test('leaves out keys that may have ended when the server was asked, and those that it shortens', async () => {
    const clock = new ManualClock();
    const ended = keyOf('ended', parseDuration('2h'));
    const soon = keyOf('soon', parseDuration('3h30s'));
    const later = keyOf('later', parseDuration('3h2m'));
    const shortened = keyOf('too long', parseDuration('336h1m'));
    const { options } = serverWith([[later, keyOf('too long', parseDuration('336h'))]], clock);
    await clock.advance('3h');
    const expected = digestsOf([ended, soon, later, shortened]);
    expect(await compareKeys(options, 'q', expected)).toEqual({ expected: 1, found: 1, isSame: true });
  });

  test('tells when the caller may not see ids', async () => {
    const { options } = serverWith([[keyOf('a', DAY, { ids: [] })]]);
    expect(await compareKeys(options, 'q', digestsOf(keys))).toBe('hidden');
  });
});
