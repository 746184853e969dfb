import { type Check, type CheckedCall, type CheckGroup, times, UNKNOWN_ID, withoutNul } from './check.ts';
import {
  distinctIds,
  LOOKUP,
  malformedIds,
  ON_MAIN,
  PARTITION,
  QUEUE_SHUTDOWN,
  STORAGE_FAILED,
} from './common-checks.ts';

const withIds = (...ids: string[]) => ({ ids });
const withPivot = (pivot = '') => ({ pivot });

const LIST_STEPS: readonly (Check | CheckGroup)[] = [
  LOOKUP,
  PARTITION,
  QUEUE_SHUTDOWN,
  {
    when: '`limit` is negative',
    text: 'limit is invalid; limit cannot be negative',
    broken: { limit: -1 },
  },
  ...malformedIds(withPivot).map((check) => ({ ...check, when: check.when.replace('an id', '`pivot`') })),
  withoutNul('pivot', withPivot(`${'0'.repeat(26)}\0`)),
  STORAGE_FAILED,
];

const IMPORT_STEPS: readonly (Check | CheckGroup)[] = [
  LOOKUP,
  PARTITION,
  QUEUE_SHUTDOWN,
  { when: 'there are no items', text: 'items is invalid; cannot be empty', broken: { items: [] } },
  {
    when: 'there are more than 65,536 items',
    text: 'items is invalid; max_import_batch_size is 65536 but received <number>',
    reason: 'too_large',
    broken: { items: times(65_537, {}) },
  },
  withoutNul('source_id', { items: [{ source_id: '\0' }] }),
  withoutNul('encoding', { items: [{ encoding: '\0' }] }),
  withoutNul('kind', { items: [{ kind: '\0' }] }),
  withoutNul('reference', { items: [{ reference: '\0' }] }),
  {
    when: '`attempts` is negative',
    text: 'attempts is invalid; cannot be negative number',
    broken: { items: [{ attempts: -1 }] },
  },
  {
    when: '`max_attempts` is negative',
    text: 'max attempts is invalid; cannot be negative number',
    broken: { items: [{ max_attempts: -1 }] },
  },
  STORAGE_FAILED,
];

/** The calls that inspect and change what partitions store. */
export const STORAGE_CALLS: readonly CheckedCall[] = [
  { path: '/v1/storage/items.list', good: { ...ON_MAIN, partition: 0 }, steps: LIST_STEPS },
  {
    path: '/v1/storage/items.import',
    good: { ...ON_MAIN, partition: 0, items: [{ payload: 'YQ==' }] },
    steps: IMPORT_STEPS,
  },
  {
    path: '/v1/storage/items.delete',
    good: { ...ON_MAIN, partition: 0, ids: [UNKNOWN_ID] },
    steps: [
      LOOKUP,
      PARTITION,
      QUEUE_SHUTDOWN,
      { when: 'there are no ids', text: 'ids is invalid; cannot be empty', broken: { ids: [] } },
      {
        when: 'there are more than 10,000 ids',
        text: 'ids is invalid; max_delete_batch_size is 10000 but received <number>',
        reason: 'too_large',
        broken: { ids: times(10_001, 'x') },
      },
      ...malformedIds(withIds),
      ...distinctIds(withIds),
      STORAGE_FAILED,
    ],
  },
  { path: '/v1/storage/scheduled.list', good: { ...ON_MAIN, partition: 0 }, steps: LIST_STEPS },
];
