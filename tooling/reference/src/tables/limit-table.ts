import {
  DEFAULT_DEDUP_WINDOW,
  type Duration,
  formatDuration,
  LIMITS,
  LONGEST_DEDUP_WINDOW,
  LONGEST_REQUEST_TIMEOUT,
  PAYLOAD_BUDGET,
  SCHEDULE_THRESHOLD,
  SHORTEST_DEDUP_WINDOW,
  SHORTEST_REQUEST_TIMEOUT,
} from '@querator/core';
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from '@querator/engine';
import { formatNumber, markdownTable } from './markdown-table.ts';

type Row = readonly [meaning: string, unit: string];

/** What each limit of a request bounds. */
const REQUEST_LIMITS: Readonly<Record<keyof typeof LIMITS, Row | undefined>> = {
  produceBatch: ['items in one produce request', 'items'],
  leaseBatch: ['`batch_size` of one lease request', 'items'],
  completeBatch: ['ids in one complete request, items in one retry request', 'items'],
  importBatch: ['items in one import request', 'items'],
  keyedImportBatch: ['items in one import request with dedup keys, and ids of one imported key', 'items'],
  carriedKeys: ['`dedup_keys` of one import request', 'keys'],
  deleteBatch: ['ids in one delete of items', 'ids'],
  // The engine bounds items and bytes instead.
  requestsBuffered: undefined,
  queueName: ['name of a queue', 'bytes'],
  deadQueueName: ['name of a dead-letter queue', 'bytes'],
  queueReference: ['`reference` of a queue', 'bytes'],
  clientId: ['`client_id` of a lease', 'bytes'],
  namespaceName: ['name of a namespace', 'bytes'],
  timeoutText: ['`lease_timeout` and `expire_timeout` as text', 'bytes'],
  requestTimeoutText: ['`request_timeout` as text', 'bytes'],
  dedupKey: ['`dedup_key` of a request or an item', 'bytes'],
  metadataKey: ['one key of `metadata`', 'bytes'],
  metadata: ['keys and values of the `metadata` of an item', 'bytes'],
  itemError: ['`error` of a retry', 'bytes'],
  maxAttempts: ['`max_attempts` of a queue', 'attempts'],
  partitions: ['partitions of a queue', 'partitions'],
  listPage: ['elements of one page', 'elements'],
  listPageDefault: ['elements of one page if `limit` is 0', 'elements'],
  findPage: ['items of one page of a search', 'items'],
  findPageDefault: ['items of one page of a search if `limit` is 0', 'items'],
  findIds: ['ids in the filter of a search', 'ids'],
  summaryGroups: ['groups of one summary of items', 'groups'],
  auditPage: ['audit events of one page', 'events'],
  auditPageDefault: ['audit events of one page if `limit` is 0', 'events'],
  schedules: ['schedules of a namespace', 'schedules'],
  scheduleName: ['name of a schedule', 'bytes'],
  schedulePage: ['schedules of one page', 'schedules'],
  schedulePayload: ['payload of the item of a schedule', 'bytes'],
  cron: ['`cron` of a schedule', 'bytes'],
  timeZone: ['`time_zone` of a schedule', 'bytes'],
  scheduleBacklog: ['times that a schedule with `missed: all` fires late', 'times'],
  queueRows: ['queues of one page of `v2/queues.list`', 'queues'],
  queueRowsDefault: undefined,
  taskPage: ['tasks of one page', 'tasks'],
  taskRate: ['`rate` of a task', 'items a second'],
};

/** The limits of requests. */
export function requestLimitTable(): string {
  const rows = Object.entries(REQUEST_LIMITS).flatMap(([name, row]) =>
    row === undefined ? [] : [[row[0], formatNumber(LIMITS[name as keyof typeof LIMITS]), row[1]]],
  );
  const duration = (meaning: string, value: Duration) => [meaning, formatDuration(value), ''];
  return markdownTable(
    ['limit', 'value', 'unit'],
    [
      ...rows,
      duration('shortest request timeout of produce and lease', SHORTEST_REQUEST_TIMEOUT),
      duration('longest request timeout', LONGEST_REQUEST_TIMEOUT),
      duration('shortest `dedup_window`', SHORTEST_DEDUP_WINDOW),
      duration('longest `dedup_window`', LONGEST_DEDUP_WINDOW),
      duration('`dedup_window` of a request that names none', DEFAULT_DEDUP_WINDOW),
      duration('schedule threshold: a scheduled time less far ahead means now', SCHEDULE_THRESHOLD),
      [
        'content of the items in one lease reply or one page, before the page ends',
        formatNumber(PAYLOAD_BUDGET),
        'bytes',
      ],
    ],
  );
}

/** What each limit of the engine bounds. An embedder can change them; the server uses the defaults. */
const ENGINE_LIMITS: Readonly<Record<keyof EngineLimits, Row>> = {
  produceBatch: ['items in one produce request', 'items'],
  leaseBatch: ['`batch_size` of one lease request', 'items'],
  completeBatch: ['ids in one complete request, items in one retry request', 'items'],
  importBatch: ['items in one import request', 'items'],
  deleteBatch: ['ids in one delete of items', 'ids'],
  dedupKeys: ['dedup keys that a queue holds; beyond it new ones are refused', 'keys'],
  itemsBuffered: [
    'items that wait for a busy storage, per queue and kind of request; beyond it: overload',
    'items',
  ],
  bytesBuffered: ['bytes of produced content that wait in the same way', 'bytes'],
  requestsBuffered: ['requests that wait in the same way', 'requests'],
  statementItems: ['items in one statement', 'items'],
  statementBytes: ['payload in one statement', 'bytes'],
  statementsInFlight: ['statements of one kind in flight per partition', 'statements'],
  sweepItems: ['items that one sweep handles at a time', 'items'],
  pollMs: ['poll interval of a partition with waiting consumers', 'ms'],
  sweepIdleMs: ['longest time between two sweeps of a partition', 'ms'],
  slowMs: ['a statement that takes longer counts as slow', 'ms'],
  slowItemMs: ['allowance per item of a statement, on top of `slowMs`', 'ms'],
  emptyMs: ['pause before the next lease from a partition that was empty', 'ms'],
  letterAutoCommitMs: ['auto-commit timeout of a prepared letter', 'ms'],
  loadMs: ['longest wait of the first call for the probes of the partitions', 'ms'],
  changeWaitMs: ['longest wait of a settings change for earlier ones of the same queue', 'ms'],
  countFreshMs: ['how long a request waits for a new count if an earlier one exists', 'ms'],
  countWaitMs: ['how long a request waits for a count if there is none', 'ms'],
  countFewItems: ['for a partition with fewer items, a request waits up to 3 s for a new count', 'items'],
  countMaxAgeMs: ['greatest age of a count', 'ms'],
};

/** The limits of the engine with their defaults. */
export function engineLimitTable(): string {
  return markdownTable(
    ['limit', 'bounds', 'default', 'unit'],
    Object.entries(ENGINE_LIMITS).map(([name, [meaning, unit]]) => {
      const value = DEFAULT_ENGINE_LIMITS[name as keyof EngineLimits];
      return [`\`${name}\``, meaning, Number.isFinite(value) ? formatNumber(value) : 'none', unit];
    }),
  );
}
