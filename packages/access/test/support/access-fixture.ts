import {
  ACCESS_STORE,
  type AccessStore,
  type Caller,
  decorateStore,
  type LogFields,
  type Permission,
  parseDuration,
  type QueueStore,
  StorageError,
} from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { AccessControl, type AccessControlOptions, type IssuedKey, TRUSTED_CALLER } from '../../src/index.ts';

/** The store of several servers, whose calls a test can make fail. */
export class SharedAccess {
  readonly clock = new ManualClock();
  readonly logged: { level: string; text: string; fields: LogFields | undefined }[] = [];
  readonly calls: string[] = [];
  readonly queues: QueueStore;
  down = false;
  /** What the store says its generation is. Undefined: the truth. */
  generation: number | undefined;
  readonly store: AccessStore;
  readonly #random = new SeededRandom(7);
  readonly #servers: AccessControl[] = [];

  constructor() {
    const backend = memoryBackend({ name: 'memory', clock: this.clock, random: this.#random });
    const inner = backend.accessStore?.();
    if (inner === undefined) throw new Error('the memory driver has no access store');
    this.queues = backend.queueStore();
    this.store = decorateStore(ACCESS_STORE, inner, (member, call) => async (...args) => {
      this.calls.push(member);
      if (this.down) throw new StorageError('database is down', { outcome: 'not-applied' });
      const result: unknown = await call(...args);
      if (this.generation === undefined) return result;
      if (member === 'generation') return this.generation;
      return member === 'grants' && result !== undefined
        ? { ...result, generation: this.generation }
        : result;
    });
  }

  /** Creates a queue. @returns its name. */
  async createQueue(namespace: string): Promise<string> {
    const timeouts = { leaseTimeout: parseDuration('1m'), expireTimeout: parseDuration('1h') };
    const settings = { ...timeouts, deadQueue: '', maxAttempts: 0, reference: '', requestedPartitions: 1 };
    const name = `queue of ${namespace}`;
    await this.queues.create({ name, namespace, partitions: [], ...settings });
    return name;
  }

  /** Starts a server on the store, and waits until it is ready. */
  async server(options: Partial<AccessControlOptions> = {}): Promise<AccessControl> {
    const log = (level: string) => (text: string, fields?: LogFields) => {
      this.logged.push({ level, text, fields });
    };
    const access = new AccessControl({
      store: this.store,
      clock: this.clock,
      monotonicMs: () => Number(this.clock.now() / 1_000n),
      random: this.#random,
      logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
      enforced: true,
      ...options,
    });
    this.#servers.push(access);
    const started = access.start();
    await started;
    return access;
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) await server.stop();
  }
}

/** The caller of a request with a key; undefined for a request without one. */
export function callerOf(access: AccessControl, key?: string, address = '192.0.2.1'): Promise<Caller> {
  const authorization = key === undefined ? undefined : `Bearer ${key}`;
  return Promise.resolve().then(() => access.authenticate({ authorization, address }));
}

/** Creates a user with a key, and binds roles to it. */
export async function userWithKey(
  access: AccessControl,
  username: string,
  {
    bindings = [],
    scope = '',
  }: { bindings?: readonly (readonly [namespace: string, role: string])[]; scope?: string } = {},
): Promise<IssuedKey & { readonly userId: string }> {
  const { users, apiKeys, roleBindings } = access.service;
  const { id: userId } = await users.create({ username, email: '', externalId: '' }, TRUSTED_CALLER);
  for (const [namespace, roleName] of bindings) {
    await roleBindings.create({ namespace, roleName, userId }, TRUSTED_CALLER);
  }
  const key = await apiKeys.create(
    { userId, name: '', namespaceScope: scope, expiresAt: undefined, keyTag: '' },
    TRUSTED_CALLER,
  );
  return { ...key, userId };
}

/** Creates a namespace with a role. */
export async function namespaceWithRole(
  access: AccessControl,
  namespace: string,
  permissions: readonly Permission[],
): Promise<void> {
  await access.service.namespaces.create({ name: namespace, description: '', apiKeyTag: '' }, TRUSTED_CALLER);
  await access.service.roles.create({ namespace, name: 'worker', permissions }, TRUSTED_CALLER);
}
