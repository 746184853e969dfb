import type { Duration, NewQueue, PartitionPlacement, Queue, QueueResizes } from '@querator/core';
import { instantFromText } from '../wire/instant-text.ts';
import { closureInForce, type StoredClosure } from './closures.ts';
import { type PauseEnds, pausesOf } from './pauses.ts';

const NOW = 0n as Duration;

/** A row of `querator_queues` as `pg` returns it. A BIGINT is a text. */
export interface QueueRow {
  readonly name: string;
  readonly namespace: string;
  readonly lease_timeout_ns: string;
  readonly expire_timeout_ns: string;
  readonly dead_queue: string;
  readonly max_attempts: number;
  readonly reference: string;
  readonly requested_partitions: number;
  /**
   * The first placement may also have a deletion mark (`queue-relations.ts`), pauses
   * (`pauses.ts`), a closure (`closures.ts`), and what resizes have left.
   */
  readonly partitions: readonly (PartitionPlacement & {
    readonly pauses?: PauseEnds;
    readonly closure?: StoredClosure;
    readonly resizes?: QueueResizes;
  })[];
  readonly created_at: string;
  readonly updated_at: string;
  /** When the row was read. */
  readonly read_at: string;
}

/** The columns a new queue fills, in the order of {@link queueToValues}. */
export const QUEUE_COLUMNS = [
  ...['name', 'namespace', 'lease_timeout_ns', 'expire_timeout_ns', 'dead_queue', 'max_attempts'],
  ...['reference', 'requested_partitions', 'partitions'],
] as const;

/** A new queue as the parameters of an INSERT. */
export function queueToValues(queue: NewQueue): readonly unknown[] {
  return [
    ...[queue.name, queue.namespace, queue.leaseTimeout, queue.expireTimeout, queue.deadQueue],
    ...[queue.maxAttempts, queue.reference, queue.requestedPartitions, JSON.stringify(queue.partitions)],
  ];
}

/** Converts a row to a queue. */
export function rowToQueue(row: QueueRow): Queue {
  const pauses = pausesOf(row.partitions[0]?.pauses, row.read_at);
  const resizes = row.partitions[0]?.resizes;
  const closure = closureInForce(row.partitions[0]?.closure, row.read_at, NOW);
  return {
    name: row.name,
    namespace: row.namespace,
    leaseTimeout: BigInt(row.lease_timeout_ns) as Duration,
    expireTimeout: BigInt(row.expire_timeout_ns) as Duration,
    deadQueue: row.dead_queue,
    maxAttempts: row.max_attempts,
    reference: row.reference,
    requestedPartitions: row.requested_partitions,
    partitions: row.partitions.map(({ partition, storageName, moving }) => ({
      ...{ partition, storageName },
      ...(moving !== undefined && { moving }),
    })),
    createdAt: instantFromText(row.created_at),
    updatedAt: instantFromText(row.updated_at),
    ...(pauses === undefined ? {} : { pauses }),
    ...(resizes === undefined ? {} : { resizes }),
    ...(closure === undefined ? {} : { closure }),
  };
}
