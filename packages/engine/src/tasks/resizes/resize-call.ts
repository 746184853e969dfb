import {
  errorText,
  invalid,
  LIMITS,
  type Queue,
  type QueueError,
  type StorageBackend,
  verbatim,
} from '@querator/core';
import type { TaskCall } from '../task-kind.ts';
import { stayingPartition } from './staying-partition.ts';

/** Checks what a call to resize asks for, before the queue is known. @throws QueueError `invalid`. */
export function checkResizeCall({
  filter = {},
  to,
  partition = 0,
  storageName = '',
  force,
  partitions = 0,
}: TaskCall): void {
  if (Object.values(filter).some((condition) => condition !== undefined))
    throw invalid('filter is invalid; a resize concerns all items of the queue');
  for (const [field, isGiven] of [
    ['to', to !== ''],
    ['partition', partition !== 0],
    ['storage_name', storageName !== ''],
    ['force', force === true],
  ] as const) {
    if (isGiven)
      throw invalid(
        errorText`${verbatim(field)} is invalid; a task of the kind 'resize' takes partitions instead`,
      );
  }
  if (partitions < 1) throw invalid('partitions is invalid; cannot be less than 1');
  if (partitions > LIMITS.partitions)
    throw invalid(errorText`partitions is invalid; cannot be greater than ${LIMITS.partitions}`);
}

/** Checks that the items of each partition that leaves can go to one that stays. @throws QueueError `invalid`. */
export function checkItemsCanMove(
  { partitions }: Queue,
  stays: number,
  storage: (name: string) => StorageBackend,
): void {
  if (stays > partitions.length)
    throw invalid('move is invalid; items move only when a queue gets fewer partitions');
  for (const { partition, storageName } of partitions.slice(stays)) {
    const target = stayingPartition(partitions, partition, stays);
    const [from, to] = [storage(storageName), storage(target.storageName)];
    const isWithin = from === to;
    for (const { name, capabilities } of [from, to]) {
      const canMove = isWithin ? capabilities.transfer : capabilities.take;
      if (canMove === true && capabilities.find === true) continue;
      throw invalid(errorText`move is invalid; items cannot move from or to storage '${name}'`);
    }
    if (to.capabilities.durable || !from.capabilities.durable) continue;
    throw invalid(errorText`move is invalid; items do not survive a restart on storage '${to.name}'`);
  }
}

/** The driver of the storage of the queues cannot do it. */
export function cannotResize(): QueueError {
  return invalid(
    'partitions is invalid; the storage of the queues cannot change how many partitions a queue has',
  );
}
