import { type Check, textOf, times, UNKNOWN_ID, withoutNul } from './check.ts';

const KEY = { key: 'k', ids: [UNKNOWN_ID], ends_at: '2100-01-01T00:00:00Z' };

const withKeys = (...dedup_keys: readonly object[]) => ({ items: [], dedup_keys });

/** The checks of the dedup keys of an import. */
export const IMPORTED_KEYS: readonly Check[] = [
  {
    when: 'there are `items` and `dedup_keys`',
    text: 'dedup_keys is invalid; a request has items or dedup_keys, but not both',
    broken: { items: [{}], dedup_keys: [KEY] },
  },
  {
    when: 'there are more than 1,000 `dedup_keys`',
    text: 'dedup_keys is invalid; max number of dedup_keys is 1000 but received <number>',
    reason: 'too_large',
    broken: withKeys(...times(1_001, KEY)),
  },
  {
    when: 'one of `dedup_keys` has no `key`',
    text: "key is required; number '<number>' of dedup_keys has none",
    broken: withKeys({ ...KEY, key: '' }),
  },
  {
    when: 'a `key` has more than 256 bytes',
    text: "key is invalid; cannot be greater than '256' characters",
    reason: 'too_large',
    broken: withKeys({ ...KEY, key: textOf(257) }),
  },
  withoutNul('key', withKeys({ ...KEY, key: '\0' })),
  {
    when: 'a key appears twice',
    text: "dedup_keys is invalid; the key '<key>' appears twice",
    broken: withKeys(KEY, KEY),
  },
  {
    when: 'a key has no `ids`',
    text: "ids is required; the key '<key>' has none",
    broken: withKeys({ ...KEY, ids: [] }),
  },
  {
    when: 'a key has more than 10,000 `ids`',
    text: "ids is invalid; a key has at most 10000 but the key '<key>' has <number>",
    reason: 'too_large',
    broken: withKeys({ ...KEY, ids: times(10_001, UNKNOWN_ID) }),
  },
  {
    when: '`ids` are not those of one produce',
    text: "ids is invalid; expected the ids of the key '<key>' as an export shows them, not '<id>'",
    broken: withKeys({ ...KEY, ids: [UNKNOWN_ID, UNKNOWN_ID] }),
  },
  {
    when: 'a key has no `ends_at`',
    text: "ends_at is required; the key '<key>' has none",
    broken: withKeys({ ...KEY, ends_at: undefined }),
  },
];
