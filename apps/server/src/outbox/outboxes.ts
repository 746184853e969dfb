import type { AccessControl, Quotas } from '@querator/access';
import type { StorageBackend } from '@querator/core';
import type { Service } from '@querator/engine';
import { createOutbox, type StorageDeps } from '../backends.ts';
import type { Config } from '../config/schema.ts';
import type { MonotonicClock } from '../monotonic-clock.ts';
import { ActingUser } from './acting-user.ts';
import { QueueTurns } from './queue-turn.ts';
import { Relay, type RelayState } from './relay.ts';

export interface OutboxesDeps extends StorageDeps {
  readonly monotonicClock: MonotonicClock;
  readonly service: Pick<Service, 'keyedProduces' | 'outboxProduces' | 'namespaceOf'>;
  /** Undefined: the storage of the queues cannot keep users. */
  readonly access: AccessControl | undefined;
  /** Undefined: they are not in use. */
  readonly quotas: Quotas | undefined;
  /** The storages of items. */
  readonly storages: readonly StorageBackend[];
  /** The name of this server. */
  readonly server: string;
}

/** The relays of a server, one for each configured outbox. */
export class Outboxes {
  readonly #relays: readonly Relay[];

  /** Connects to nothing before `start`. */
  constructor(configured: Config['outbox'], deps: OutboxesDeps) {
    this.#relays = configured.map((settings) => {
      const outbox = createOutbox(settings, deps);
      const user = new ActingUser({ ...deps, username: settings.user });
      return new Relay({ ...deps, outbox, turns: new QueueTurns({ ...deps, outbox, user }) });
    });
  }

  /** What the relays do. Reads memory only. */
  states(): readonly RelayState[] {
    return this.#relays.map(({ state }) => state);
  }

  start(): void {
    for (const relay of this.#relays) relay.start();
  }

  /** Ends the turns that run, and lets other servers go on. A second call waits for the first. */
  async stop(): Promise<void> {
    await Promise.all(this.#relays.map((relay) => relay.stop()));
  }
}
