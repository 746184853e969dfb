import { type Duration, milliseconds } from './time/duration.ts';

/**
 * Every upper bound of the API (docs/reference/limits.md). Sizes of texts are in
 * bytes of UTF-8.
 */
export const LIMITS = {
  /** Items in one produce request. */
  produceBatch: 1_000,
  /** Items in one lease request. */
  leaseBatch: 1_000,
  /** Ids in one complete, items in one retry request. */
  completeBatch: 1_000,
  /** Items in one import request. */
  importBatch: 65_536,
  /** Items in one import request with dedup keys. A storage writes them in one statement. */
  keyedImportBatch: 10_000,
  /** Dedup keys in one import request, and in one page of an export. */
  carriedKeys: 1_000,
  /** Ids in one delete of items. More valid ids do not fit a body of 256,000 bytes. */
  deleteBatch: 10_000,
  /** The documented bound on requests that wait for a queue. The engine bounds items and bytes instead. */
  requestsBuffered: 100,
  queueName: 512,
  deadQueueName: 500,
  queueReference: 2_000,
  /** The reference server has no room for a longer one in the body of a lease. */
  clientId: 512,
  namespaceName: 256,
  /** Length of a queue's timeout texts, before parsing. */
  timeoutText: 15,
  /** Length of the timeout text of a request, before parsing. */
  requestTimeoutText: 100,
  maxAttempts: 65_536,
  dedupKey: 256,
  /** Bytes of one key of an item's metadata. */
  metadataKey: 128,
  /** Bytes of all keys and values of an item's metadata. */
  metadata: 4_096,
  /** Bytes of the error that a retry gives. */
  itemError: 2_048,
  /** Schedules of one namespace. */
  schedules: 1_000,
  scheduleName: 256,
  /** Schedules in one page of a list. With the largest items, they are 8 MB. */
  schedulePage: 100,
  /** Payload of the item of a schedule. */
  schedulePayload: 65_536,
  /** Length of the cron expression of a schedule. */
  cron: 256,
  /** Length of the name of a time zone. */
  timeZone: 64,
  /** Times that a schedule with `missed: all` fires late. */
  scheduleBacklog: 1_000,
  /** More than any queue needs. A typing error cannot create a million tables. */
  partitions: 1_024,
  /** Elements in one page of a list. */
  listPage: 65_536,
  /** Elements in a page if the request sets no limit. */
  listPageDefault: 1_000,
  /** Queues in one page of the list with counts. */
  queueRows: 1_000,
  /** The same if the request sets no limit. */
  queueRowsDefault: 100,
  /** Tasks in one page, also if the request sets no limit. */
  taskPage: 100,
  /** Items a second of a task. */
  taskRate: 1_000_000,
  /** Items in one page of a search. */
  findPage: 1_000,
  /** Items in a page of a search if the request sets no limit. */
  findPageDefault: 100,
  /** Ids in the filter of a search. */
  findIds: 1_000,
  /** Groups in one summary of items. */
  summaryGroups: 1_000,
  /** Audit events in one page. */
  auditPage: 500,
  /** Audit events in a page if the request sets no limit. */
  auditPageDefault: 100,
} as const;

/** The shortest request timeout. */
export const SHORTEST_REQUEST_TIMEOUT: Duration = milliseconds(10);
/** The longest request timeout. */
export const LONGEST_REQUEST_TIMEOUT: Duration = milliseconds(15 * 60_000);
/** An `enqueueAt` or `retryAt` that is nearer than this counts as "now". */
export const SCHEDULE_THRESHOLD: Duration = milliseconds(100);

/** The shortest window of a dedup key. */
export const SHORTEST_DEDUP_WINDOW: Duration = milliseconds(1_000);
/** The longest window of a dedup key: 14 days. */
export const LONGEST_DEDUP_WINDOW: Duration = milliseconds(336 * 3_600_000);
/** The window of a request that names none. */
export const DEFAULT_DEDUP_WINDOW: Duration = milliseconds(5 * 60_000);

/** The attempt counter stops here: the greatest int32, which is the wire's type. */
export const ATTEMPTS_MAX = 2 ** 31 - 1;
