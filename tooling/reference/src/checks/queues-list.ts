import { type CheckedCall, withoutNul } from './check.ts';
import { SERVICE_SHUTDOWN, STORAGE_FAILED } from './common-checks.ts';

/** The call that lists queues with their counts. */
export const QUEUES_LIST_CALL: CheckedCall = {
  path: '/v2/queues.list',
  good: {},
  steps: [
    { when: 'the caller lacks the permission in `namespace`', text: 'access denied', code: 'forbidden' },
    SERVICE_SHUTDOWN,
    withoutNul('namespace', { namespace: 'a\u0000' }),
    withoutNul('filter', { filter: 'a\u0000' }),
    {
      when: '`sort` is none of the known ones',
      text: "sort is invalid; '<sort>' is not one of (name, waiting, head_age, dead)",
      broken: { sort: 'size' },
    },
    {
      when: '`limit` is negative',
      text: 'limit is invalid; limit cannot be negative',
      broken: { limit: -1 },
    },
    {
      when: '`limit` is above 1,000',
      text: 'limit is invalid; cannot be greater than 1000',
      reason: 'too_large',
      broken: { limit: 1_001 },
    },
    {
      when: '`cursor` is none of a list in this order',
      text: 'cursor is invalid; expected the cursor of a reply in the same order',
      broken: { cursor: 'x' },
    },
    STORAGE_FAILED,
    {
      when: '`namespace` is empty, and the caller has the permission in no namespace with queues',
      text: 'access denied',
      code: 'forbidden',
    },
    {
      when: 'rates are asked for, and the storage of the queues keeps none',
      text: 'the storage of the queues keeps no rates',
      reason: 'unavailable',
      code: 'failed',
    },
  ],
};
