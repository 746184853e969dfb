import { addDuration, type Clock, type Instant, LAST_INSTANT, parseDuration } from '@querator/core';
import { type ItemsItem, type QueueInfo, toTimestamp } from '@querator/protocol';
import { EMPTY_ITEM } from '../items/empty-item.ts';

/** A job of another system as an item of ours. */
export interface ForeignJob {
  /** The dedup key: a copy that is begun again stores the job once. */
  readonly key: string;
  readonly item: ItemsItem;
  /** What the job has that an item cannot have, in a few words each. */
  readonly lacks: readonly string[];
}

/** Jobs that were read together. */
export interface ForeignBatch {
  readonly jobs: readonly ForeignJob[];
  /** Takes them away from the other system. Undefined: they stay there. */
  readonly done?: (() => Promise<void>) | undefined;
}

/** What a queue gets if it is new. */
export type ForeignSettings = Pick<QueueInfo, 'leaseTimeout' | 'expireTimeout' | 'maxAttempts' | 'deadQueue'>;

/** A queue of another system. */
export interface ForeignQueue {
  readonly name: string;
  readonly settings: ForeignSettings;
  /** What the queue has that ours cannot have. */
  readonly lacks: readonly string[];
  /** How many jobs are not copied, by their state there. */
  readonly staying: ReadonlyMap<string, number>;
}

/** Numbers of jobs by the states of their items. */
export interface JobCounts {
  readonly waiting: number;
  readonly scheduled: number;
  readonly leased: number;
}

/** Another system, whose workers are stopped. All methods throw the error of its client. */
export interface ForeignSystem {
  queues(): Promise<readonly ForeignQueue[]>;
  /** The jobs that are to be worked on, in the order of the system. */
  batches(queue: string): AsyncGenerator<ForeignBatch>;
  /** How many jobs there are to be worked on, if they cannot be read without being taken. */
  counts?(queue: string): Promise<JobCounts>;
  close(): Promise<void>;
}

/** What a reader gets besides an address. */
export interface SystemDeps {
  readonly clock: Clock;
  /** The environment, in which credentials may be. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The address of a system is wrong, or the system is not what it should be. */
export class ForeignSystemFault extends Error {
  override readonly name = 'ForeignSystemFault';
}

/** Jobs of some systems never expire. Ours do, after so long. */
export const NEVER = '8760h';
const NEVER_LATER = parseDuration(NEVER);

/** The parts of a job that all systems have. */
export interface JobContent {
  /** JSON, or any other text. */
  readonly payload: string;
  readonly encoding?: string;
  readonly kind?: string;
  /** Kept as metadata. */
  readonly ids: Readonly<Record<string, string>>;
  readonly attempts: number;
  readonly maxAttempts?: number;
  readonly error?: string | undefined;
  /** By the clock of the system. */
  readonly now: Instant;
  /** When the job becomes available. */
  readonly runAt?: Instant | undefined;
  /** When the worker that had it is given up. Undefined: none had it. */
  readonly leasedUntil?: Instant | undefined;
  /** Undefined: never, as the system sees it. */
  readonly expiresAt?: Instant | undefined;
}

/** The item for a job. */
export function itemOf(job: JobContent): ItemsItem {
  const { payload, encoding = 'json', kind = '', ids, attempts, maxAttempts = 0, now, leasedUntil } = job;
  const runAt =
    job.runAt !== undefined && job.runAt > now && leasedUntil === undefined ? job.runAt : undefined;
  let expires = job.expiresAt ?? addDuration(runAt ?? now, NEVER_LATER);
  if (expires > LAST_INSTANT) expires = LAST_INSTANT;
  return {
    ...EMPTY_ITEM,
    ...{ encoding, kind, attempts, maxAttempts, metadata: new Map(Object.entries(ids)) },
    payload: Buffer.from(payload),
    error: shortened(job.error ?? ''),
    expireDeadline: toTimestamp(expires),
    ...(runAt === undefined ? {} : { state: 'scheduled', enqueueAt: toTimestamp(runAt) }),
    ...(leasedUntil === undefined ? {} : { state: 'leased', leaseDeadline: toTimestamp(leasedUntil) }),
  };
}

/** The bytes of an error that an item keeps. */
const ERROR_BYTES = 2_048;

function shortened(error: string): string {
  const text = error.replaceAll('\0', '');
  if (Buffer.byteLength(text) <= ERROR_BYTES) return text;
  // Cut in the middle of a character, it would end with U+FFFD.
  return Buffer.from(text)
    .subarray(0, ERROR_BYTES - 3)
    .toString()
    .replace(/\uFFFD$/, '');
}
