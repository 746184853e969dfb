import { AccessControl, QueueAuthorizer, type Quotas } from '@querator/access';
import type { Clock, Logger, Random, StorageBackend } from '@querator/core';
import type { Service } from '@querator/engine';
import type { Config } from '../config/schema.ts';
import { AccessGate } from '../http/call/access-gate.ts';
import type { ClientAddresses } from '../http/call/client-addresses.ts';
import type { Gate } from '../http/call/gate.ts';
import { OpenGate } from '../http/call/open-gate.ts';
import { SessionGate } from '../http/session/session-gate.ts';
import { Sessions } from '../http/session/sessions.ts';
import type { MonotonicClock } from '../monotonic-clock.ts';

export interface ServerAccessDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly monotonicClock: MonotonicClock;
  /** The storage of the queues keeps users and rights too. */
  readonly queueStorage: StorageBackend;
  /** Undefined: they are not in use. */
  readonly quotas: Quotas | undefined;
}

/**
 * Creates the access control of a server. Undefined: the storage of the queues
 * cannot keep users and their rights.
 *
 * @throws Error if the configuration asks for access control all the same.
 */
export function createAccessControl(
  { 'auth-backend': settings }: Pick<Config, 'auth-backend'>,
  { queueStorage, monotonicClock, ...deps }: ServerAccessDeps,
): AccessControl | undefined {
  const store = queueStorage.accessStore?.();
  const enforced = settings.driver === 'internal';
  if (store === undefined) {
    if (!enforced) return undefined;
    throw new Error(
      `storage '${queueStorage.name}' of the queues cannot keep users: use another auth-backend`,
    );
  }
  return new AccessControl({
    ...deps,
    store,
    monotonicMs: monotonicClock,
    signals: queueStorage.signals,
    enforced,
    adminKey: settings['admin-key'],
  });
}

/** Tells whether a namespace exists. Undefined: the storage of the queues cannot keep any. */
export function namespaceCheck(
  queueStorage: StorageBackend,
): ((name: string) => Promise<boolean>) | undefined {
  const store = queueStorage.accessStore?.();
  return store && (async (name) => (await store.namespace(name)) !== undefined);
}

/** The gate that all calls pass. */
export function createGate(
  access: AccessControl | undefined,
  service: Pick<Service, 'namespaceOf'>,
  {
    clock,
    addresses,
    sessions,
  }: {
    readonly clock: Clock;
    readonly addresses: ClientAddresses;
    readonly sessions: Sessions | undefined;
  },
): Gate {
  if (access === undefined) return new OpenGate();
  const authorizer = new QueueAuthorizer((queueName) => service.namespaceOf(queueName));
  const gate = new AccessGate({ access, authorizer, clock, addresses });
  return sessions === undefined ? gate : new SessionGate(gate, sessions);
}

/** Creates the sessions of browsers. Undefined: there is nothing to log in to. */
export function createSessions(
  { console, 'auth-backend': { driver } }: Pick<Config, 'console' | 'auth-backend'>,
  {
    queueStorage,
    ...deps
  }: { readonly clock: Clock; readonly random: Random; readonly queueStorage: StorageBackend },
): Sessions | undefined {
  const store = queueStorage.accessStore?.();
  if (!console.enabled || driver === 'none' || store === undefined) return undefined;
  return new Sessions({ ...deps, store, sessionKey: console['session-key'] });
}
