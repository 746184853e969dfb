import { type Check, type CheckedCall, QUEUES, textOf, times, UNKNOWN_ID, withoutNul } from './check.ts';
import { LOOKUP, QUEUE_SHUTDOWN, STORAGE_FAILED } from './common-checks.ts';

const CURSOR: Check = {
  when: '`cursor` is no cursor of a reply',
  text: 'cursor is invalid; expected the cursor of a reply',
  broken: { cursor: 'x' },
};

const texts = ['first_id', 'source_id', 'reference', 'kind', 'encoding'] as const;

/** The checks of a filter, in their order. */
const FILTER: readonly Check[] = [
  {
    when: '`filter.state` is not a state',
    text: "filter.state is invalid; '<state>' is none of 'waiting', 'leased', 'scheduled', 'dead'",
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

/** The calls on the items of a queue. */
export const ITEMS_CALLS: readonly CheckedCall[] = [
  {
    path: '/v2/items.find',
    good: { queue_name: QUEUES.main },
    steps: [
      LOOKUP,
      QUEUE_SHUTDOWN,
      CURSOR,
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
      ...FILTER,
      ...SEARCH,
    ],
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
        text: "by is invalid; '<by>' is none of 'reason', 'error', 'kind'",
        broken: { by: 'size' },
      },
      ...SEARCH,
    ],
  },
];
