import type { AccessControl, AuditService, Quotas } from '@querator/access';
import type { StorageBackend } from '@querator/core';

/** The server judges calls by quotas. */
export const QUOTAS = 'quotas';

/**
 * What this server can do beyond the API of `/v1/`, as stable words: `server.info`
 * shows them to clients, and the other servers on the same storage read them.
 *
 * @param config whether there is a console, with its sessions.
 * @param access undefined: the storage of the queues cannot keep users and their rights.
 * @param audit undefined: audit events are not stored.
 * @param quotas undefined: they are not in use.
 * @param queueStorage the storage of the queues, which may keep schedules and tasks.
 */
export function capabilitiesOf(
  { console: { enabled: hasConsole } }: { readonly console: { readonly enabled: boolean } },
  access: Pick<AccessControl, 'enforced'> | undefined,
  {
    audit,
    quotas,
    queueStorage,
  }: {
    readonly audit: AuditService | undefined;
    readonly quotas: Quotas | undefined;
    readonly queueStorage: Pick<StorageBackend, 'rateStore' | 'scheduleStore' | 'taskStore'>;
  },
): readonly string[] {
  return [
    ...(access?.enforced === true ? ['access-control'] : []),
    ...(access === undefined ? [] : ['apikeys.rotate']),
    ...(audit === undefined ? [] : ['audit.list']),
    'instances.list',
    'items.delete',
    'items.export',
    'items.export.dedup_keys',
    'items.find',
    'items.find.source_queue',
    'items.import',
    'items.import.dedup',
    'items.import.dedup_keys',
    'items.retry',
    'items.summarize',
    'metadata',
    'queue.complete',
    'queue.extend',
    'queue.lease',
    'queue.produce',
    'queue.produce.dedup',
    'queue.retry',
    'queues.delete.force',
    'queues.describe',
    'queues.list',
    'queues.pause',
    ...(queueStorage.rateStore === undefined ? [] : ['queues.rates']),
    ...(queueStorage.taskStore === undefined
      ? []
      : ['queues.resize', 'queues.resize.dedup', 'queues.resize.move']),
    'queues.update',
    ...(quotas === undefined ? [] : [QUOTAS]),
    ...(queueStorage.scheduleStore === undefined ? [] : ['schedules']),
    ...(access?.enforced === true && hasConsole ? ['session.create'] : []),
    'storages.list',
    ...(queueStorage.taskStore === undefined
      ? []
      : [
          'tasks',
          'tasks.delete',
          'tasks.drain',
          'tasks.move',
          'tasks.move_partition',
          'tasks.rebalance',
          'tasks.redrive',
          'tasks.resize',
          'tasks.retry',
        ]),
  ];
}
