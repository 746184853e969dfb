import type { Service } from '@querator/engine';
import {
  type Endpoint,
  type Handlers,
  queueEndpoints,
  queuesEndpoints,
  storageEndpoints,
} from '@querator/protocol';
import { queueHandlers } from './queue-handlers.ts';
import { queuesHandlers } from './queues-handlers.ts';
import { storageHandlers } from './storage-handlers.ts';

/** What a handler may know of the request besides its message. */
export interface CallContext {
  /** Aborted when the client is gone. Read it only where a caller waits for long: making one costs. */
  readonly signal: AbortSignal;
  /** Whether the client is gone; costs nothing to ask. */
  readonly isGone: () => boolean;
  /** What the handler sets here goes out as headers of the answer, where the call succeeds. */
  replyHeaders: Readonly<Record<string, string>> | undefined;
}

/** An endpoint together with what answers it. */
export interface Route {
  readonly endpoint: Endpoint<unknown, unknown>;
  readonly handle: (request: unknown, context: CallContext) => Promise<unknown>;
}

/** The endpoints this version serves. One row there and one handler here make a new one. */
export const SERVED = {
  queue: queueEndpoints,
  queues: queuesEndpoints,
  storage: storageEndpoints,
} as const;

/** Every endpoint that is served, by its path. */
export function createRoutes(service: Service): ReadonlyMap<string, Route> {
  return new Map([
    ...join(SERVED.queue, queueHandlers(service.queue)),
    ...join(SERVED.queues, queuesHandlers(service.queues)),
    ...join(SERVED.storage, storageHandlers(service.storage)),
  ]);
}

function join<Table extends Readonly<Record<string, { readonly path: string }>>>(
  table: Table,
  handlers: Handlers<Table, CallContext>,
): [string, Route][] {
  return Object.entries(table).map(([name, endpoint]) => [
    endpoint.path,
    // `Handlers` has matched the messages; what the codec reads is what the handler takes.
    { endpoint, handle: handlers[name as keyof Table] } as unknown as Route,
  ]);
}
