import {
  type Duration,
  type Instant,
  instantFromMicroseconds,
  type NewQueue,
  PAUSABLE,
  type PartitionPlacement,
  type Pausable,
  type Pause,
  type Queue,
  type QueueResizes,
} from '@querator/core';

/** A row of the table of queues. */
export interface QueueRow {
  readonly name: string;
  readonly namespace: string;
  readonly lease_timeout: bigint;
  readonly expire_timeout: bigint;
  readonly dead_queue: string;
  readonly max_attempts: bigint;
  readonly reference: string;
  readonly requested_partitions: bigint;
  /** As JSON; see {@link StoredPlacement}. */
  readonly partitions: string;
  /** As JSON; see {@link PauseEnds}. */
  readonly pauses: string;
  /** Until when the `beginDelete` of the queue is in force. */
  readonly ends_at: bigint | null;
  /** The token of the last closure. */
  readonly closure: string | null;
  readonly closed_until: bigint | null;
  readonly created_at: bigint;
  readonly updated_at: bigint;
}

/** The first placement also has what resizes have left in the record of the queue. */
type StoredPlacement = PartitionPlacement & { readonly resizes?: QueueResizes | undefined };

/** The ends of pauses that were started, in microseconds as text. Null: when the queue is resumed. */
export type PauseEnds = Partial<Record<Pausable, string | null>>;

/** The token of the closure of a queue, if it is in force at that time. */
export function closureOf({ closure, closed_until: until }: QueueRow, at: Instant): string | undefined {
  return closure === null || until === null || until <= at ? undefined : closure;
}

/** The queue in a row, with its closure and its pauses that are in force. */
export function queueOf(row: QueueRow, now: Instant): Queue {
  const pauses = pausesOf(row, now);
  const closure = closureOf(row, now);
  const placements = JSON.parse(row.partitions) as readonly StoredPlacement[];
  const resizes = placements[0]?.resizes;
  return {
    name: row.name,
    namespace: row.namespace,
    leaseTimeout: row.lease_timeout as Duration,
    expireTimeout: row.expire_timeout as Duration,
    deadQueue: row.dead_queue,
    maxAttempts: Number(row.max_attempts),
    reference: row.reference,
    requestedPartitions: Number(row.requested_partitions),
    partitions: placements.map(({ resizes: _, ...placement }) => placement),
    createdAt: instantFromMicroseconds(row.created_at),
    updatedAt: instantFromMicroseconds(row.updated_at),
    ...(pauses === undefined ? {} : { pauses }),
    ...(resizes === undefined ? {} : { resizes }),
    ...(closure === undefined ? {} : { closure }),
  };
}

function pausesOf(row: QueueRow, now: Instant): Queue['pauses'] {
  const ends = JSON.parse(row.pauses) as PauseEnds;
  const pauses: Partial<Record<Pausable, Pause>> = {};
  for (const work of PAUSABLE) {
    const end = ends[work];
    if (end === undefined) continue;
    if (end === null) {
      pauses[work] = { until: undefined, left: undefined };
      continue;
    }
    const until = instantFromMicroseconds(BigInt(end));
    if (until > now) pauses[work] = { until, left: ((until - now) * 1_000n) as Duration };
  }
  return Object.keys(pauses).length === 0 ? undefined : pauses;
}

/** The values of the settings of a queue, in the order of {@link SETTING_COLUMNS}. */
export function settingValues(queue: NewQueue): readonly (string | bigint | number)[] {
  const { leaseTimeout, expireTimeout, deadQueue, maxAttempts, reference, requestedPartitions } = queue;
  return [leaseTimeout, expireTimeout, deadQueue, maxAttempts, reference, requestedPartitions];
}

/** The columns that an update can change. */
export const SETTING_COLUMNS = [
  ...['lease_timeout', 'expire_timeout', 'dead_queue', 'max_attempts', 'reference'],
  'requested_partitions',
] as const;

/** The text of placements, without anything else that a caller's objects have. */
export function placementsText(partitions: readonly PartitionPlacement[], resizes?: QueueResizes): string {
  return JSON.stringify(
    partitions.map(({ partition, storageName, moving }, n) => ({
      ...{ partition, storageName },
      moving: moving && {
        to: moving.to,
        task: moving.task,
        generation: moving.generation,
        attempt: moving.attempt,
      },
      ...(n === 0 && { resizes: resizes && resizesOf(resizes) }),
    })),
  );
}

function resizesOf({ last, current, spread }: QueueResizes): QueueResizes {
  const { task = '', generation = 0, partitions = 0 } = current ?? {};
  return { last, ...(current !== undefined && { current: { task, generation, partitions } }), spread };
}
