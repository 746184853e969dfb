import type { MessagePort } from 'node:worker_threads';
import type { Duration, Instant, ItemId } from '@querator/core';
import type { ClientTls } from '../transport/node-transport.ts';
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

/** A leased item, as the thread needs it. */
export interface ThreadItem {
  readonly id: ItemId;
  readonly partition: number;
  readonly leasedFor: Duration | undefined;
  /** By the local clock. */
  readonly renewUntil: Instant;
  /** By the local clock. */
  readonly renewAt: Instant | undefined;
}

/** What the loops tell the thread. `loop` is the number of a worker. */
export type ToThread =
  | {
      readonly kind: 'begin';
      readonly loop: number;
      readonly queueName: string;
      /** Undefined: as long as the queue's leases. */
      readonly leaseTimeout: Duration | undefined;
    }
  | {
      readonly kind: 'items';
      readonly loop: number;
      readonly added: readonly ThreadItem[];
      readonly removed: readonly ItemId[];
    }
  | { readonly kind: 'end'; readonly loop: number };

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
