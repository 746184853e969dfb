import {
  type Check,
  type CheckedCall,
  type CheckGroup,
  QUEUES,
  textOf,
  times,
  UNKNOWN_ID,
  withoutNul,
} from './check.ts';
import {
  distinctIds,
  LOOKUP,
  ON_MAIN,
  OVERLOADED,
  PARTITION,
  PARTITION_FAILING,
  QUEUE_SHUTDOWN,
  STORAGE_FAILED,
  tooManyIds,
} from './common-checks.ts';
import { IMPORTED_KEYS } from './imported-keys.ts';
import { DEDUP_MISSING, dedupKeys, tooManyKeys } from './keyed-produce.ts';
import { needsMetadata, needsNewServers } from './metadata.ts';

const CURSOR: Check = {
  when: '`cursor` is no cursor of a reply',
  text: 'cursor is invalid; expected the cursor of a reply',
  broken: { cursor: 'x' },
};

const texts = ['first_id', 'source_id', 'reference', 'kind', 'encoding', 'source_queue'] as const;

/** The checks of a filter, in their order. */
export const FILTER: readonly Check[] = [
  {
    when: '`filter.state` is not a state',
    text: "filter.state is invalid; '<state>' is none of 'waiting', 'leased', 'scheduled', 'dead', 'moving'",
    broken: { filter: { state: 'gone' } },
  },
  {
    when: '`filter.ids` has more than 1,000 ids',
    text: "filter.ids is invalid; cannot have more than '1000' ids",
    reason: 'too_large',
    broken: { filter: { ids: times(1_001, UNKNOWN_ID) } },
  },
  withoutNul('filter.ids', { filter: { ids: ['\0'] } }),
  ...texts.map((field) => withoutNul(`filter.${field}`, { filter: { [field]: '\0' } })),
  {
    when: '`filter.metadata` could not be that of an item',
    text: 'metadata is invalid; <what is wrong>',
    broken: { filter: { metadata: { '': 'value' } } },
  },
  {
    when: '`filter.error` has more than 2,048 bytes',
    text: "filter.error is invalid; cannot be greater than '2048' characters",
    reason: 'too_large',
    broken: { filter: { error: textOf(2_049) } },
  },
  withoutNul('filter.error', { filter: { error: '\0' } }),
  {
    when: '`filter.reason` is not a reason',
    text: "filter.reason is invalid; '<reason>' is none of 'attempts', 'expired', 'rejected', 'moved'",
    broken: { filter: { reason: 'bored' } },
  },
  ...(['created', 'due'] as const).map((field) => ({
    when: `\`filter.${field}\` ends before it begins`,
    text: `filter.${field} is invalid; 'from' cannot be after 'to'`,
    broken: { filter: { [field]: { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' } } },
  })),
];

const SEARCH: readonly Check[] = [
  {
    when: 'the storage of a partition cannot find items',
    text: "items cannot be found; the storage of partition '<number>' has no such call",
    reason: 'unavailable',
    code: 'failed',
  },
  STORAGE_FAILED,
];

const withIds = (...ids: string[]) => ({ ids });

const IDS: readonly (Check | CheckGroup)[] = [
  LOOKUP,
  PARTITION,
  QUEUE_SHUTDOWN,
  { when: 'there are no ids', text: 'ids is invalid; list of ids cannot be empty', broken: { ids: [] } },
  tooManyIds('ids', withIds),
  ...distinctIds(withIds),
];

const LIMIT: readonly Check[] = [
  {
    when: '`limit` is negative',
    text: 'limit is invalid; limit cannot be negative',
    broken: { limit: -1 },
  },
  {
    when: '`limit` is greater than 1,000',
    text: 'limit is invalid; cannot be greater than 1000',
    reason: 'too_large',
    broken: { limit: 1_001 },
  },
];

const one = (item: object): Check['broken'] => ({ items: [item] });
const fromSource = (source: object): Check['broken'] =>
  one({ source: { id: UNKNOWN_ID, died_at: '2026-01-01T00:00:00Z', reason: 'expired', ...source } });

const longError = (field: string, broken: Check['broken']): Check => ({
  when: `\`${field}\` has more than 2,048 bytes`,
  text: `${field} is invalid; cannot be greater than '2048' characters`,
  reason: 'too_large',
  ...(broken && { broken }),
});

const negative = (field: string, broken: Check['broken']): Check => ({
  when: `\`${field}\` is negative`,
  text: `${field} is invalid; cannot be negative number`,
  ...(broken && { broken }),
});

/** The checks of one item of an import. */
const IMPORTED: readonly (Check | CheckGroup)[] = [
  { ...PARTITION, broken: { items: [{ partition: 99 }] } },
  {
    when: '`state` is not a state',
    text: "state is invalid; '<state>' is none of 'waiting', 'leased', 'scheduled', 'dead', 'moving'",
    broken: { items: [{ state: 'gone' }] },
  },
  {
    when: 'a `scheduled` item has no `enqueue_at`',
    text: "enqueue_at is required; the state is 'scheduled'",
    broken: { items: [{ state: 'scheduled' }] },
  },
  {
    when: 'an item in another state has an `enqueue_at`',
    text: "enqueue_at is invalid; the state is '<state>', not 'scheduled'",
    broken: { items: [{ state: 'waiting', enqueue_at: '2100-01-01T00:00:00Z' }] },
  },
  ...(['source_id', 'encoding', 'kind', 'reference'] as const).map((field) =>
    withoutNul(field, one({ [field]: '\0' })),
  ),
  negative('attempts', one({ attempts: -1 })),
  negative('max_attempts', one({ max_attempts: -1 })),
  {
    when: '`first_id` is malformed',
    text: "invalid storage id; '<id>': <what is wrong>",
    reason: 'no_such_item',
    broken: { items: [{ first_id: 'x' }] },
  },
  withoutNul('first_id', one({ first_id: `${'0'.repeat(26)}\0` })),
  {
    when: '`metadata` could not be produced',
    text: 'metadata is invalid; <what is wrong>',
    broken: { items: [{ metadata: { '': 'value' } }] },
  },
  longError('error', one({ error: textOf(2_049) })),
  withoutNul('error', one({ error: '\0' })),
  {
    when: '`source.queue` has more than 512 bytes',
    text: "source.queue is invalid; cannot be greater than '512' characters",
    reason: 'too_large',
    broken: fromSource({ queue: textOf(513) }) ?? {},
  },
  withoutNul('source.queue', fromSource({ queue: '\0' })),
  {
    when: '`source.id` is malformed',
    text: "invalid storage id; '<id>': <what is wrong>",
    reason: 'no_such_item',
    broken: fromSource({ id: 'x' }) ?? {},
  },
  withoutNul('source.id', fromSource({ id: `${'0'.repeat(26)}\0` })),
  negative('source.partition', fromSource({ partition: -1 })),
  negative('source.attempts', fromSource({ attempts: -1 })),
  longError('source.error', fromSource({ error: textOf(2_049) })),
  withoutNul('source.error', fromSource({ error: '\0' })),
  {
    when: '`source.reason` is not a reason, and `source.died_at` is set',
    text: "source.reason is invalid; '<reason>' is none of 'attempts', 'expired', 'rejected', 'moved'",
    broken: fromSource({ reason: 'bored' }) ?? {},
  },
];

/** The calls on the items of a queue. */
export const ITEMS_CALLS: readonly CheckedCall[] = [
  {
    path: '/v2/items.find',
    good: { queue_name: QUEUES.main },
    steps: [LOOKUP, QUEUE_SHUTDOWN, CURSOR, ...LIMIT, ...FILTER, ...SEARCH],
  },
  {
    path: '/v2/items.summarize',
    good: { queue_name: QUEUES.main, by: 'kind' },
    steps: [
      LOOKUP,
      QUEUE_SHUTDOWN,
      CURSOR,
      ...FILTER,
      {
        when: '`by` is missing or another word',
        text: "by is invalid; '<by>' is none of 'reason', 'error', 'kind', 'state', 'source_queue', 'metadata.<key>'",
        broken: { by: 'size' },
      },
      ...SEARCH,
    ],
  },
  {
    path: '/v2/items.retry',
    good: { ...ON_MAIN, ids: [UNKNOWN_ID] },
    steps: [...IDS, OVERLOADED, PARTITION_FAILING, STORAGE_FAILED],
  },
  {
    path: '/v2/items.delete',
    good: { ...ON_MAIN, ids: [UNKNOWN_ID] },
    steps: [
      ...IDS,
      {
        when: 'the storage of the partition cannot tell which items it deleted',
        text: 'items cannot be deleted by themselves; the storage of the partition has no such call',
        reason: 'unavailable',
        code: 'failed',
      },
      STORAGE_FAILED,
    ],
  },
  {
    path: '/v2/items.export',
    good: { ...ON_MAIN },
    steps: [LOOKUP, QUEUE_SHUTDOWN, CURSOR, ...LIMIT, ...SEARCH],
  },
  {
    path: '/v2/items.import',
    good: { queue_name: QUEUES.empty, items: [{ source_id: 'imported' }] },
    steps: [
      LOOKUP,
      QUEUE_SHUTDOWN,
      ...IMPORTED_KEYS,
      { when: 'there are no items', text: 'items is invalid; cannot be empty', broken: { items: [] } },
      {
        when: 'there are more than 65,536 items',
        text: 'items is invalid; max_import_batch_size is 65536 but received <number>',
        reason: 'too_large',
        broken: { items: times(65_537, {}) },
      },
      ...dedupKeys({}),
      {
        when: 'some items have a `dedup_key`, and others none',
        text: "dedup_key is required; item '<number>' has none, and the others of the import have one",
      },
      {
        when: 'there is a `dedup_key`, and there are more than 10,000 items',
        text: 'items is invalid; an import with dedup keys has at most 10000 but received <number>',
        reason: 'too_large',
      },
      ...IMPORTED,
      needsNewServers('an item has details'),
      needsMetadata('an item has details'),
      DEDUP_MISSING,
      tooManyKeys('and the request has one'),
      STORAGE_FAILED,
    ],
  },
];
