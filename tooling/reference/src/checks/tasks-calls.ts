import { type Check, type CheckedCall, QUEUES, withoutNul } from './check.ts';
import { SERVICE_SHUTDOWN, STORAGE_FAILED } from './common-checks.ts';
import { FILTER } from './items-calls.ts';
import { UNKNOWN_QUEUE } from './queues-calls.ts';

const TASKS: readonly Check[] = [
  SERVICE_SHUTDOWN,
  {
    when: 'the storage of the queues keeps no tasks',
    text: 'tasks are unavailable; the storage of the queues keeps none',
    reason: 'unavailable',
    code: 'retry',
  },
];

const DENIED: Check = { when: 'the caller lacks the permission', text: 'access denied', code: 'forbidden' };

const ID: readonly Check[] = [
  { when: '`id` is empty', text: 'id is invalid; cannot be empty', broken: { id: '' } },
  DENIED,
  {
    when: 'there is no such task',
    text: "task does not exist; no such task '<id>'",
    reason: 'no_such_record',
    broken: { id: 'missing' },
  },
];

/** The call that resizes a queue by a task. */
export const RESIZE_CALL: CheckedCall = {
  path: '/v2/queues.resize',
  good: { queue_name: QUEUES.idle, partitions: 2, dry_run: true },
  steps: [
    ...TASKS,
    {
      when: '`partitions` is less than 1',
      text: 'partitions is invalid; cannot be less than 1',
      broken: { partitions: 0 },
    },
    {
      when: '`partitions` is greater than 1,024',
      text: 'partitions is invalid; cannot be greater than 1024',
      broken: { partitions: 1_025 },
    },
    UNKNOWN_QUEUE,
    {
      when: 'the queue has as many partitions',
      text: 'partitions is invalid; that is the number of partitions that the queue has',
      broken: { partitions: 1 },
    },
    {
      when: '`move` is set, and the queue gets more partitions',
      text: 'move is invalid; items move only when a queue gets fewer partitions',
      broken: { move: true },
    },
    {
      when: '`move` is set, and a storage can neither search nor give or take items',
      text: "move is invalid; items cannot move from or to storage '<name>'",
    },
    {
      when: '`move` is set, and items that survive a restart would go to a storage where they do not',
      text: "move is invalid; items do not survive a restart on storage '<name>'",
    },
    {
      when: 'the driver of a storage cannot let partitions go that hold dedup keys or dead letters on their way',
      text: 'partitions is invalid; the queue keeps its first <number> partitions, which a storage cannot let go',
    },
    {
      when: 'the driver of a storage cannot resize queues',
      text: "partitions is invalid; storage '<name>' cannot resize queues",
    },
    {
      when: 'a server on the same storage does not know resizes',
      text: "'queues.resize.dedup' is unavailable; stop or upgrade the server <its name>",
      reason: 'unavailable',
      code: 'retry',
    },
    {
      when: '`move` is set, and a server on the same storage does not know it',
      text: "'queues.resize.move' is unavailable; stop or upgrade the server <its name>",
      reason: 'unavailable',
      code: 'retry',
    },
    {
      when: 'another task changes the partitions of the queue',
      text: 'a task that changes the queue runs already; wait for its end, or cancel it',
      reason: 'unavailable',
      code: 'retry',
    },
    STORAGE_FAILED,
  ],
};

/** The calls on tasks. */
export const TASKS_CALLS: readonly CheckedCall[] = [
  {
    path: '/v2/tasks.create',
    good: { kind: 'delete', queue_name: QUEUES.empty },
    steps: [
      ...TASKS,
      {
        when: '`kind` is not a kind',
        text: "kind is invalid; '<kind>' is not one of '<kinds>'",
        broken: { kind: 'unknown' },
      },
      {
        when: '`rate` is negative',
        text: 'rate is invalid; cannot be negative number',
        broken: { rate: -1 },
      },
      {
        when: '`rate` is greater than 1,000,000',
        text: 'rate is invalid; cannot be greater than 1000000',
        broken: { rate: 1_000_001 },
      },
      ...FILTER,
      {
        when: '`to` is set, and the task moves nothing',
        text: "to is invalid; a task of the kind 'delete' moves nothing",
        broken: { to: QUEUES.main },
      },
      {
        when: '`to` is empty, and the kind is `move`',
        text: "to is invalid; a task of the kind 'move' needs the queue that gets the items",
      },
      {
        when: '`to` is the queue itself',
        text: 'to is invalid; it cannot be the queue whose items are moved',
      },
      {
        when: 'the name is empty or blank',
        text: 'queue name is invalid; queue name cannot be empty',
        broken: { queue_name: ' ' },
      },
      {
        when: 'the name contains `~`',
        text: "queue name is invalid; '<name>' cannot contain '~' character",
        broken: { queue_name: 'a~b' },
      },
      withoutNul('queue name', { queue_name: 'a\0b' }, 'the name contains U+0000'),
      DENIED,
      {
        when: 'no queue has this name',
        text: "queue does not exist; no such queue named '<name>'",
        reason: 'no_such_queue',
        broken: { queue_name: 'missing' },
      },
      {
        when: '`filter.state` is `dead` or `moving`',
        text: "filter.state is invalid; items in the state '<state>' cannot be deleted",
        broken: { filter: { state: 'dead' } },
      },
      {
        when: '`filter.state` is `leased`, `dead` or `moving`, and the task moves items',
        text: "filter.state is invalid; items in the state '<state>' cannot be moved",
      },
      {
        when: '`filter.state` is `waiting`, `dead` or `moving`, and the kind is `retry`',
        text: "filter.state is invalid; items in the state '<state>' cannot be retried, only 'scheduled' and 'leased' ones",
      },
      {
        when: '`filter` takes more than 65,536 bytes as JSON',
        text: 'filter is invalid; a task keeps at most <limit> bytes of it',
        reason: 'too_large',
        broken: { filter: { payload: Buffer.alloc(60_000).toString('base64') } },
      },
      {
        when: '1,000 tasks run',
        text: 'too many tasks; <limit> of them run already, try again later',
        reason: 'over_limit',
        code: 'retry',
      },
      STORAGE_FAILED,
    ],
  },
  {
    path: '/v2/tasks.get',
    good: { id: '{task id}' },
    steps: [...TASKS, ...ID, STORAGE_FAILED],
  },
  {
    path: '/v2/tasks.list',
    good: {},
    steps: [
      ...TASKS,
      DENIED,
      {
        when: '`limit` is negative',
        text: 'limit is invalid; limit cannot be negative',
        broken: { limit: -1 },
      },
      {
        when: '`limit` is greater than 100',
        text: 'limit is invalid; cannot be greater than <limit>',
        broken: { limit: 101 },
      },
      {
        when: '`cursor` is no cursor of a reply',
        text: 'cursor is invalid; expected the cursor of a reply',
        broken: { cursor: 'x' },
      },
      {
        when: '`state` is not a state',
        text: "state is invalid; '<state>' is not one of 'running', 'done', 'cancelled', 'failed', 'ended'",
        broken: { state: 'gone' },
      },
      {
        when: '`dry_runs` is another word',
        text: "dry_runs is invalid; '<dry_runs>' is not one of 'without', 'only'",
        broken: { dry_runs: 'no' },
      },
      STORAGE_FAILED,
    ],
  },
  {
    path: '/v2/tasks.cancel',
    good: { id: '{task id}' },
    steps: [...TASKS, ...ID, STORAGE_FAILED],
  },
];
