import type { AccessControl } from '@querator/access';

/**
 * What this server can do beyond the API of `/v1/`, as stable words: `server.info`
 * shows them to clients, and the other servers on the same storage read them.
 *
 * @param access undefined: the storage of the queues cannot keep users and their rights.
 */
export function capabilitiesOf(access: Pick<AccessControl, 'enforced'> | undefined): readonly string[] {
  return [
    ...(access?.enforced === true ? ['access-control'] : []),
    ...(access === undefined ? [] : ['apikeys.rotate']),
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
