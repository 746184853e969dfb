import type { AccessControl, AuditService } from '@querator/access';

/**
 * What this server can do beyond the API of `/v1/`, as stable words: `server.info`
 * shows them to clients, and the other servers on the same storage read them.
 *
 * @param access undefined: the storage of the queues cannot keep users and their rights.
 * @param audit undefined: audit events are not stored.
 */
export function capabilitiesOf(
  access: Pick<AccessControl, 'enforced'> | undefined,
  audit: AuditService | undefined,
): readonly string[] {
  return [
    ...(access?.enforced === true ? ['access-control'] : []),
    ...(access === undefined ? [] : ['apikeys.rotate']),
    ...(audit === undefined ? [] : ['audit.list']),
    'instances.list',
    'queue.complete',
    'queue.extend',
    'queue.lease',
    'queue.produce',
    'queue.produce.dedup',
    'queue.retry',
    'queues.delete.force',
    'queues.pause',
  ];
}
