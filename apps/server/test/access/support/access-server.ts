import { type Client, createClient } from '@querator/client';
import type { TestServer } from '../../support/test-server.ts';

/** The key of the first administrator of a test's server. */
export const ADMIN_KEY = `qtr-test-${'A'.repeat(43)}`;

/** The settings of a server with access control. */
export const ENFORCED = { 'auth-backend': { driver: 'internal', 'admin-key': ADMIN_KEY } };

/** A client with a key; undefined: anonymous. */
export function clientWith(server: Pick<TestServer, 'url'>, apiKey: string | undefined): Client {
  return createClient({ endpoint: server.url, apiKey });
}

let count = 0;
/** A name that no other test uses. */
export function fresh(kind: string): string {
  return `${kind}-${++count}`;
}

/** A tenant: a namespace with a user who has a key, and permissions in that namespace. */
export interface Tenant {
  readonly namespace: string;
  readonly userId: string;
  readonly keyId: string;
  readonly key: string;
}

/** Creates a tenant. @param scope whether the key is valid in the namespace only. */
export async function newTenant(
  server: Pick<TestServer, 'url'>,
  permissions: string[],
  { scope = false }: { readonly scope?: boolean } = {},
): Promise<Tenant> {
  const { access } = clientWith(server, ADMIN_KEY);
  const namespace = fresh('tenant');
  await access.namespacesCreate({ name: namespace });
  await access.rolesCreate({ namespace, name: 'member', permissions });
  const { id: userId } = await access.usersCreate({ username: fresh('user') });
  await access.roleBindingsCreate({ namespace, roleName: 'member', userId });
  const namespaceScope = scope ? namespace : '';
  const { id: keyId, key } = await access.apiKeysCreate({ userId, name: 'main', namespaceScope });
  return { namespace, userId, keyId, key };
}

/** Creates a queue as the administrator. */
export async function newQueue(
  server: Pick<TestServer, 'url'>,
  namespace: string,
  settings: object = {},
): Promise<string> {
  const queueName = fresh('queue');
  await clientWith(server, ADMIN_KEY).queues.create({
    queueName,
    namespace,
    leaseTimeout: '1m',
    expireTimeout: '1h',
    requestedPartitions: 1,
    ...settings,
  });
  return queueName;
}
