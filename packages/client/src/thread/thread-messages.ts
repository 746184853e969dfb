import type { MessagePort } from 'node:worker_threads';
import type { Duration, Instant, ItemId } from '@querator/core';
import type { ClientTls } from '../transport/http/open-socket.ts';
import type { ThreadError } from './thread-error.ts';

/** How the thread reaches the server. */
export interface ThreadSettings {
  readonly endpoint: string;
  readonly apiKey: string | undefined;
  readonly tls: ClientTls | undefined;
}

/** What the thread starts with. */
export interface ThreadStart {
  readonly port: MessagePort;
  readonly settings: ThreadSettings;
}

/** What the loops tell the thread. `loop` is the number of a worker. */
export type ToThread =
  | {
      readonly kind: 'begin';
      readonly loop: number;
      readonly queueName: string;
      /** Undefined: as long as the queue's leases. */
      readonly leaseTimeout: Duration | undefined;
      /** That of the worker's `LeaseTable`. */
      readonly table: SharedArrayBuffer;
    }
  | {
      /** The thread is to look at the table now, and then when it says in it. */
      readonly kind: 'look';
      readonly loop: number;
      /** When it has to look again at the latest, by the local clock. */
      readonly by: Instant;
      /** Replaces the table, with the same leases. */
      readonly table?: SharedArrayBuffer | undefined;
    }
  | { readonly kind: 'end'; readonly loop: number }
  /** The thread is to get ready to renew: leases end soon. It posts a message to its parent when it is. */
  | { readonly kind: 'load' };

/** What the thread tells a loop. */
export type FromThread =
  | {
      readonly kind: 'renewed';
      readonly loop: number;
      /** The new deadlines, by the server's clock. */
      readonly deadlines: readonly (readonly [ItemId, Instant])[];
    }
  | { readonly kind: 'lost'; readonly loop: number; readonly id: ItemId }
  | { readonly kind: 'error'; readonly loop: number; readonly error: ThreadError };
