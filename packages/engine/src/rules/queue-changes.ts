import { type AuditChange, changesBetween, formatDuration, type QueueSettings } from '@querator/core';

/** The settings that differ, under their names in the API. */
export function queueChanges(before: QueueSettings, after: QueueSettings): readonly AuditChange[] {
  return changesBetween(valuesOf(before), valuesOf(after));
}

function valuesOf(settings: QueueSettings) {
  return {
    lease_timeout: formatDuration(settings.leaseTimeout),
    expire_timeout: formatDuration(settings.expireTimeout),
    dead_queue: settings.deadQueue,
    max_attempts: settings.maxAttempts,
    reference: settings.reference,
    requested_partitions: settings.requestedPartitions,
  };
}
