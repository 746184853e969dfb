import { type Check, type CheckedCall, QUEUES, textOf, withoutNul } from './check.ts';
import { SERVICE_SHUTDOWN, STORAGE_FAILED } from './common-checks.ts';

const NOT_KEPT: Check = {
  when: 'the storage of the queues cannot keep schedules',
  text: 'queues cannot have schedules; their storage does not keep them',
  reason: 'unavailable',
  code: 'retry',
};

const NAME: readonly Check[] = [
  {
    when: '`name` has more than 256 bytes',
    text: "name is invalid; cannot be greater than '256' characters",
    reason: 'too_large',
    broken: { name: textOf(257) },
  },
  { when: '`name` is empty', text: 'name is invalid; cannot be empty', broken: { name: '' } },
  {
    when: '`name` has other characters than letters, digits and `._:/@-`',
    text: "name is invalid; '<name>' has other characters than letters, digits and ._:/@-",
    broken: { name: 'a b' },
  },
];

const NO_SUCH_SCHEDULE: Check = {
  when: 'the namespace has no schedule of this name',
  text: "schedule does not exist; no such schedule named '<name>' in namespace '<namespace>'",
  reason: 'no_such_record',
  broken: { name: 'missing' },
};

/** The checks of what a schedule is to do. */
const SETTINGS: readonly Check[] = [
  {
    when: 'the queue name is empty or blank',
    text: 'queue name is invalid; queue name cannot be empty',
    broken: { queue_name: ' ' },
  },
  {
    when: 'the queue name contains `~`',
    text: "queue name is invalid; '<name>' cannot contain '~' character",
    broken: { queue_name: 'a~b' },
  },
  withoutNul('queue name', { queue_name: 'a\0b' }, 'the queue name contains U+0000'),
  ...NAME,
  {
    when: '`cron` has more than 256 bytes',
    text: "cron is invalid; cannot be greater than '256' characters",
    reason: 'too_large',
    broken: { cron: textOf(257) },
  },
  {
    when: '`cron` has not five fields',
    text: "cron is invalid; expected five fields (minute, hour, day of the month, month, day of the week), got '<cron>'",
    broken: { cron: '0 0 * *' },
  },
  {
    when: 'a part of a field is no value, range or step',
    text: "cron is invalid; '<part>' is no <field>: expected <least> to <most>, a range such as '<range>', or '*', and a step as in '*/5'",
    broken: { cron: '61 * * * *' },
  },
  {
    when: '`time_zone` is no name of the IANA database',
    text: "time_zone is invalid; '<name>' is not the name of a time zone, such as 'Europe/Berlin'",
    broken: { time_zone: 'nowhere' },
  },
  {
    when: 'no such time ever comes, as on the 30th of February',
    text: "cron is invalid; '<cron>' never comes",
    broken: { cron: '0 0 30 2 *' },
  },
  {
    when: '`missed` is none of these words',
    text: "missed is invalid; expected 'skip', 'one' or 'all', got '<missed>'",
    broken: { missed: 'none' },
  },
  {
    when: 'there is no `item`',
    text: 'item is invalid; a schedule needs an item to produce',
    broken: { item: undefined },
  },
  withoutNul(
    'kind',
    { item: { kind: '\0' } },
    'a text of the item contains U+0000; the message names the field',
  ),
  {
    when: 'the metadata of the item is [refused](v2-queue-calls.md#v2queueproduce)',
    text: 'metadata is invalid; <what is wrong>',
  },
  {
    when: 'the payload of the item is too large',
    text: 'item is invalid; its payload has <bytes> bytes, and 65536 is the most',
    reason: 'too_large',
    broken: { item: { utf8: textOf(65_537) } },
  },
  SERVICE_SHUTDOWN,
  {
    when: 'no queue has this name',
    text: "queue does not exist; no such queue named '<name>'",
    reason: 'no_such_queue',
    broken: { queue_name: 'missing' },
  },
  {
    when: 'the caller lacks the permission `queue.produce`',
    text: 'access denied',
    code: 'forbidden',
  },
  NOT_KEPT,
];

const UNTIL = {
  passed: {
    when: '`until` has passed, by the clock of the storage',
    text: 'until is invalid; it must be in the future',
  },
  tooEarly: {
    when: '`until` is before the first time of the schedule',
    text: 'until is invalid; no time of the schedule comes before it',
  },
} as const;

const NAMED: readonly Check[] = [
  { when: 'the caller lacks the permission', text: 'access denied', code: 'forbidden' },
  SERVICE_SHUTDOWN,
  withoutNul('namespace', { namespace: '\0' }),
  ...NAME,
  NOT_KEPT,
  NO_SUCH_SCHEDULE,
  STORAGE_FAILED,
];

const SCHEDULE = {
  ...{ name: 'nightly', queue_name: QUEUES.idle, cron: '0 0 1 1 *', time_zone: 'UTC', missed: 'one' },
  item: { utf8: 'x' },
};

/** The calls on schedules. */
export const SCHEDULE_CALLS: readonly CheckedCall[] = [
  {
    path: '/v2/schedules.create',
    good: SCHEDULE,
    steps: [
      ...SETTINGS,
      {
        when: 'the namespace has a schedule of this name',
        text: "schedule is invalid; '<name>' already exists",
      },
      {
        when: 'the namespace has 1,000 schedules',
        text: "namespace '<name>' has too many schedules; 1000 is the most",
        reason: 'over_limit',
        code: 'failed',
      },
      { ...UNTIL.passed, broken: { until: '2020-01-01T00:00:00Z' } },
      UNTIL.tooEarly,
      STORAGE_FAILED,
    ],
  },
  {
    path: '/v2/schedules.update',
    good: SCHEDULE,
    steps: [
      ...SETTINGS,
      NO_SUCH_SCHEDULE,
      {
        when: 'the schedule is one of another queue',
        text: "queue_name is invalid; schedule '<name>' is one of queue '<other name>'",
      },
      UNTIL.passed,
      UNTIL.tooEarly,
      STORAGE_FAILED,
    ],
  },
  {
    path: '/v2/schedules.list',
    good: {},
    steps: [
      { when: 'the caller lacks the permission', text: 'access denied', code: 'forbidden' },
      SERVICE_SHUTDOWN,
      {
        when: '`limit` is negative or above 100',
        text: 'limit is invalid; expected 1 to 100, got <limit>',
        broken: { limit: 101 },
      },
      withoutNul('namespace', { namespace: '\0' }),
      withoutNul('queue_name', { queue_name: '\0' }),
      withoutNul('cursor', { cursor: '\0' }),
      NOT_KEPT,
      STORAGE_FAILED,
    ],
  },
  { path: '/v2/schedules.pause', good: { name: 'nightly' }, steps: NAMED },
  { path: '/v2/schedules.resume', good: { name: 'nightly' }, steps: NAMED },
  { path: '/v2/schedules.delete', good: { name: 'nightly' }, steps: NAMED },
];
