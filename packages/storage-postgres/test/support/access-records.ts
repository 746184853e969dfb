import type { AccessStore, ApiKey, Instant, Namespace, Role, RoleBinding, User } from '@querator/core';

const createdAt = 1_704_164_645_678_901n as Instant;

/** One record of each kind that belong together: a user with a key and a role. */
export function accessRecords(name = 'a') {
  const namespace: Namespace = { name, description: '', apiKeyTag: '', createdAt };
  const user: User = { id: name, username: name, externalId: '', email: '', createdAt, updatedAt: createdAt };
  const apiKey: ApiKey = {
    ...{ id: name, userId: name, name: '', namespaceScope: '', hash: `hash ${name}`, previous: undefined },
    ...{ prefix: '', expiresAt: undefined, lastUsedAt: undefined, createdAt },
  };
  const role: Role = { id: name, namespace: name, name, permissions: ['queue.list'], createdAt };
  const binding: RoleBinding = { id: name, userId: name, namespace: name, roleId: name, createdAt };
  return { namespace, user, apiKey, role, binding };
}

/** Every call that access control makes. */
export async function useAllOfAccess(store: AccessStore, name = 'a'): Promise<void> {
  const { namespace, user, apiKey, role, binding } = accessRecords(name);
  const page = { pivot: '', limit: 10 };
  await store.generation();
  await store.change(async (transaction) => {
    await transaction.addNamespace(namespace);
    await transaction.addUser(user);
    await transaction.addApiKey(apiKey);
    await transaction.addRole(role);
    await transaction.addBinding(binding);
  });
  const ofNamespace = { kind: 'namespace', name } as const;
  const ofKey = { kind: 'key', name } as const;
  await store.change(async (transaction) => {
    await transaction.setQuota({ subject: ofNamespace, limits: { queues: 1 } });
    await transaction.setQuota({ subject: ofKey, limits: { connections: 1 } });
    await transaction.updateNamespace({ ...namespace, description: 'new' });
    await transaction.updateApiKey({ ...apiKey, prefix: 'new' });
    await transaction.updateRole({ ...role, permissions: ['queue.create', 'queue.list'] });
  });
  await store.noteUses([{ keyId: apiKey.id, at: createdAt }]);
  await store.namespace(name);
  await store.namespaces(page);
  await store.user(name);
  await store.userNamed(name);
  await store.users(page);
  await store.apiKey(name);
  await store.apiKeys({ ...page, userId: '' });
  await store.apiKeys({ ...page, userId: name });
  await store.role(name, name);
  await store.roles({ ...page, namespace: name });
  await store.binding(binding);
  await store.bindings({ ...page, namespace: name, userId: '' });
  await store.bindings({ ...page, namespace: name, userId: name });
  await store.bindingsOf(role.id, 1);
  await store.quota(ofKey);
  await store.quotas({ ...page, kind: 'namespace' });
  await store.grants({ keyHash: apiKey.hash });
  await store.grants({ userId: user.id });
  await store.grants({ username: user.username });
  await store.change(async (transaction) => {
    await transaction.removeQuota(ofKey);
    await transaction.removeBinding(binding.id);
    await transaction.removeRole(role.id);
    await transaction.removeApiKey(apiKey.id);
    await transaction.removeUser(user.id);
    await transaction.removeNamespace(namespace.name);
  });
}
