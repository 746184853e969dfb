import { type Check, type CheckedCall, textOf, withoutNul } from './check.ts';
import { STORAGE_FAILED } from './common-checks.ts';

/** The checks of the subject of a call on quotas. */
const QUOTA_SUBJECT: readonly Check[] = [
  {
    when: 'access control is off, and the configuration has no `quotas`',
    text: "quotas are not in use; switch access control on, or add 'quotas' to the configuration",
    code: 'failed',
    reason: 'unavailable',
  },
  {
    when: 'both of `namespace` and `key_id` are given, or none',
    text: 'namespace is invalid; exactly one of namespace and key_id must be set',
    broken: { key_id: 'k' },
  },
  {
    when: '`namespace` has more than 256 bytes',
    text: "namespace is invalid; cannot be greater than '256' characters",
    reason: 'too_large',
    broken: { namespace: textOf(257) },
  },
  withoutNul('namespace', { namespace: '\0' }),
  {
    when: '`key_id` has more than 128 bytes',
    text: "key_id is invalid; cannot be greater than '128' characters",
    reason: 'too_large',
    broken: { namespace: '', key_id: textOf(129) },
  },
  withoutNul('key_id', { namespace: '', key_id: '\0' }),
];

/** The checks of what is stored. */
const QUOTA_RECORD: readonly Check[] = [
  {
    when: 'there is no such namespace',
    text: "namespace does not exist; '<name>' was not found",
    reason: 'no_such_record',
    code: 'failed',
    broken: { namespace: 'missing' },
  },
  {
    when: 'there is no such key',
    text: "api key does not exist; '<id>' was not found",
    reason: 'no_such_record',
    code: 'failed',
    broken: { namespace: '', key_id: 'missing' },
  },
  STORAGE_FAILED,
];

/** The calls on quotas. */
export const QUOTA_CALLS: readonly CheckedCall[] = [
  {
    path: '/v2/quotas.get',
    good: { namespace: '_system' },
    steps: [
      ...QUOTA_SUBJECT,
      { when: 'the caller lacks the permission', text: 'access denied', code: 'forbidden' },
      ...QUOTA_RECORD,
    ],
  },
  {
    path: '/v2/quotas.set',
    good: { namespace: '_system', limits: {} },
    steps: [
      ...QUOTA_SUBJECT,
      {
        when: 'a limit, such as `items_waiting`, is negative',
        text: 'items_waiting is invalid; cannot be negative',
        broken: { limits: { items_waiting: -1 } },
      },
      { when: 'the caller lacks the permission', text: 'access denied', code: 'forbidden' },
      {
        when: 'another server on the same storage does not keep to quotas',
        text: "'quotas' is unavailable; stop or upgrade the server '<name>' of version '<version>'",
        reason: 'unavailable',
        code: 'retry',
      },
      ...QUOTA_RECORD,
    ],
  },
];
