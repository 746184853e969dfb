import {
  DurationSyntaxError,
  errorText,
  formatDuration,
  parseDuration,
  QueueError,
  SYSTEM_NAMESPACE,
  verbatim,
} from '@querator/core';
import type { QueueInfo } from '@querator/protocol';
import type { Client } from './client.ts';
import { type TimeSpan, toDurationText } from './values/time-span.ts';

/** A queue as a program wants it. What is left out has its default in a new queue, and may be anything in an existing one. */
export interface QueueWish {
  /** Its name, unique across namespaces. */
  readonly queue: string;
  /** How long each lease lasts; `1m` by default. */
  readonly leaseTimeout?: TimeSpan | undefined;
  /** How long an item may stay in the queue; `336h`, 14 days, by default. */
  readonly expireTimeout?: TimeSpan | undefined;
  /** How often an item may be leased; 0, without limit, by default. */
  readonly maxAttempts?: number | undefined;
  /** The queue that takes dead items. Empty, the default: they are deleted. */
  readonly deadQueue?: string | undefined;
  /** Free text. */
  readonly reference?: string | undefined;
  /**
   * The number of partitions of a new queue; 1 by default. An existing queue may have
   * another number: an operator may have resized it, and its programs go on.
   */
  readonly partitions?: number | undefined;
  /** The namespace; `_system` by default. It cannot be changed later. */
  readonly namespace?: string | undefined;
}

/** Options of {@link ensureQueue}. */
export interface EnsureQueueOptions {
  /** Change the settings of an existing queue that differ. Default: false, which is an error. */
  readonly update?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was done. */
export type EnsuredQueue = 'created' | 'unchanged' | 'updated';

/** An existing queue has other settings than wished. */
export class QueueDiffersError extends Error {
  override readonly name = 'QueueDiffersError';
  /** The settings that differ, by the names of `QueueWish`. */
  readonly settings: readonly string[];

  constructor(queue: string, differences: readonly Difference[], advice: string) {
    const shown = differences.map(
      ({ setting, wished, actual }) => errorText`${setting} is '${actual}' and should be '${wished}'`,
    );
    super(errorText`queue '${queue}' has other settings: ${verbatim(shown.join(', '))}; ${advice}`);
    this.settings = differences.map(({ setting }) => setting);
  }
}

/** A setting that is not as wished. */
interface Difference {
  readonly setting: keyof QueueWish;
  readonly wished: string;
  readonly actual: string;
}

/** What a new queue gets where the wish says nothing. */
const DEFAULTS = { leaseTimeout: '1m', expireTimeout: '336h', maxAttempts: 0, partitions: 1 } as const;

/** Settings that no update changes. */
const FIXED: ReadonlySet<string> = new Set<keyof QueueWish>(['namespace']);

/** A queue may be created or deleted between two calls, so often. */
const MOST_ROUNDS = 5;

/**
 * Creates a queue unless it exists. An existing queue must have the wished
 * settings, or gets them if `update` is set. Several programs may call this at the
 * same time.
 *
 * @throws QueueDiffersError if the queue has other settings. QueueError or
 *   ClientError as every call does. TypeError for a duration that is none.
 */
export async function ensureQueue(
  client: Client,
  wish: QueueWish,
  { update = false, signal }: EnsureQueueOptions = {},
): Promise<EnsuredQueue> {
  const wished = normalized(wish);
  for (let round = 1; ; round++) {
    try {
      const actual = await infoOf(client, wish.queue, signal);
      if (actual === undefined) {
        await client.queues.create(newQueue(wished), { signal });
        return 'created';
      }
      const differences = differencesOf(wished, actual);
      if (differences.length === 0) return 'unchanged';
      checkDifferences(wish.queue, differences, update);
      await client.queues.update(changedQueue(wished, actual), { signal });
      return 'updated';
    } catch (error) {
      if (round === MOST_ROUNDS || !isRace(error)) throw error;
    }
  }
}

/** The queue; undefined if there is none. */
async function infoOf(
  client: Client,
  queueName: string,
  signal: AbortSignal | undefined,
): Promise<QueueInfo | undefined> {
  try {
    return await client.queues.info({ queueName }, { signal });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function checkDifferences(queue: string, differences: readonly Difference[], update: boolean): void {
  const fixed = differences.filter(({ setting }) => FIXED.has(setting));
  if (fixed.length > 0) throw new QueueDiffersError(queue, fixed, 'an update cannot change that');
  if (!update) throw new QueueDiffersError(queue, differences, 'pass update: true to change it');
}

/** The wish with durations in Go's canonical form, so that equal ones have equal texts. */
function normalized(wish: QueueWish): QueueWish {
  const { leaseTimeout, expireTimeout } = wish;
  return {
    ...wish,
    leaseTimeout: leaseTimeout === undefined ? undefined : toDurationText('leaseTimeout', leaseTimeout),
    expireTimeout: expireTimeout === undefined ? undefined : toDurationText('expireTimeout', expireTimeout),
  };
}

function newQueue(wish: QueueWish) {
  return {
    queueName: wish.queue,
    leaseTimeout: String(wish.leaseTimeout ?? DEFAULTS.leaseTimeout),
    expireTimeout: String(wish.expireTimeout ?? DEFAULTS.expireTimeout),
    maxAttempts: wish.maxAttempts ?? DEFAULTS.maxAttempts,
    deadQueue: wish.deadQueue ?? '',
    reference: wish.reference ?? '',
    requestedPartitions: wish.partitions ?? DEFAULTS.partitions,
    namespace: wish.namespace ?? '',
  };
}

/** An update sets all settings, so those that the wish leaves out are taken from the queue. */
function changedQueue(wish: QueueWish, actual: QueueInfo) {
  return {
    queueName: wish.queue,
    leaseTimeout: String(wish.leaseTimeout ?? actual.leaseTimeout),
    expireTimeout: String(wish.expireTimeout ?? actual.expireTimeout),
    maxAttempts: wish.maxAttempts ?? actual.maxAttempts,
    deadQueue: wish.deadQueue ?? actual.deadQueue,
    reference: wish.reference ?? actual.reference,
    requestedPartitions: actual.requestedPartitions,
  };
}

function differencesOf(wish: QueueWish, actual: QueueInfo): readonly Difference[] {
  const found: Readonly<Record<Exclude<keyof QueueWish, 'queue' | 'partitions'>, string | number>> = {
    leaseTimeout: canonical(actual.leaseTimeout),
    expireTimeout: canonical(actual.expireTimeout),
    maxAttempts: actual.maxAttempts,
    deadQueue: actual.deadQueue,
    reference: actual.reference,
    namespace: actual.namespace || SYSTEM_NAMESPACE,
  };
  return Object.entries(found).flatMap(([name, value]) => {
    const setting = name as keyof typeof found;
    const wished = setting === 'namespace' ? wish.namespace || undefined : wish[setting];
    if (wished === undefined || wished === value) return [];
    return [{ setting, wished: String(wished), actual: String(value) }];
  });
}

function canonical(timeout: string): string {
  try {
    return formatDuration(parseDuration(timeout));
  } catch (error) {
    if (error instanceof DurationSyntaxError) return timeout;
    throw error;
  }
}

/** Whether another program created or deleted the queue since the call before. */
function isRace(error: unknown): boolean {
  return (
    isMissing(error) ||
    (error instanceof QueueError &&
      (error.reason === 'queue_exists' || error.message.endsWith('already exists')))
  );
}

/** A server without reasons says it in its text. */
function isMissing(error: unknown): boolean {
  return (
    error instanceof QueueError &&
    (error.reason === 'no_such_queue' || error.message.startsWith('queue does not exist'))
  );
}
