import { type Duration, instantFromMicroseconds, type PartitionPlacement, type Queue } from '@querator/core';

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
  /** As JSON. */
  readonly partitions: string;
  readonly created_at: bigint;
  readonly updated_at: bigint;
}

/** The queue in a row. */
export function queueOf(row: QueueRow): Queue {
  return {
    name: row.name,
    namespace: row.namespace,
    leaseTimeout: row.lease_timeout as Duration,
    expireTimeout: row.expire_timeout as Duration,
    deadQueue: row.dead_queue,
    maxAttempts: Number(row.max_attempts),
    reference: row.reference,
    requestedPartitions: Number(row.requested_partitions),
    partitions: JSON.parse(row.partitions) as PartitionPlacement[],
    createdAt: instantFromMicroseconds(row.created_at),
    updatedAt: instantFromMicroseconds(row.updated_at),
  };
}

/** The row of a queue. */
export function rowOf(queue: Queue): QueueRow {
  const partitions = queue.partitions.map(({ partition, storageName }) => ({ partition, storageName }));
  return {
    name: queue.name,
    namespace: queue.namespace,
    lease_timeout: queue.leaseTimeout,
    expire_timeout: queue.expireTimeout,
    dead_queue: queue.deadQueue,
    max_attempts: BigInt(queue.maxAttempts),
    reference: queue.reference,
    requested_partitions: BigInt(queue.requestedPartitions),
    partitions: JSON.stringify(partitions),
    created_at: queue.createdAt,
    updated_at: queue.updatedAt,
  };
}
