import { type Instant, type LeasedItem, QueueError, StorageError } from '@querator/core';
import { CallerGone, type CallOptions, type Leased, type QueueCall, type Service } from '../../src/index.ts';
import { contentOf } from './item-content.ts';

/** How long a client waits for the answer to a complete. */
export const COMPLETE_TIMEOUT_MS = 10_000;

/** A request of a simulated client. Times are in milliseconds. */
export type Request =
  | {
      readonly kind: 'produce';
      readonly queue: string;
      readonly timeoutMs: number;
      readonly items: readonly { readonly name: string; readonly enqueueAt?: Instant | undefined }[];
    }
  | {
      readonly kind: 'lease';
      readonly queue: string;
      readonly timeoutMs: number;
      readonly clientId: string;
      readonly limit: number;
    }
  | {
      readonly kind: 'complete';
      readonly queue: string;
      readonly partition: number;
      readonly ids: readonly string[];
    }
  | {
      readonly kind: 'extend';
      readonly queue: string;
      readonly partition: number;
      readonly ids: readonly string[];
      readonly leaseMs: number;
    }
  | {
      readonly kind: 'retry';
      readonly queue: string;
      readonly partition: number;
      readonly items: readonly {
        readonly id: string;
        readonly retryAt?: Instant | undefined;
        readonly dead: boolean;
      }[];
    }
  | {
      readonly kind: 'clear';
      readonly queue: string;
      readonly waiting: boolean;
      readonly scheduled: boolean;
      readonly destructive: boolean;
    }
  | {
      readonly kind: 'delete-items';
      readonly queue: string;
      readonly partition: number;
      readonly ids: readonly string[];
    }
  | { readonly kind: 'list-items'; readonly queue: string; readonly partition: number }
  | { readonly kind: 'stats' | 'reload' | 'info'; readonly queue: string }
  | {
      readonly kind: 'move-partition';
      readonly queue: string;
      readonly partition: number;
      readonly storage: string;
    }
  | { readonly kind: 'cancel-task'; readonly queue: string; readonly id: string }
  | { readonly kind: 'create' | 'update'; readonly queue: string; readonly settings: Partial<QueueCall> }
  | {
      readonly kind: 'delete-queue';
      readonly queue: string;
      readonly force: boolean;
      readonly onlyEmpty?: boolean;
    };

/** The answer to a request, as the client sees it. */
export type Answer =
  | { readonly how: 'ok'; readonly value: unknown }
  | { readonly how: 'error'; readonly code: string; readonly message: string }
  /** The client left before the answer. */
  | { readonly how: 'left' }
  /** The engine crashed. The request may or may not have taken effect. */
  | { readonly how: 'cut' };

/** The answer to a lease. */
export function leasedOf(answer: Answer): {
  readonly partition: number;
  readonly items: readonly LeasedItem[];
} {
  return answer.how === 'ok' ? (answer.value as Leased) : { partition: 0, items: [] };
}

/** Sends a request to an engine. */
export async function ask(service: Service, request: Request, options: CallOptions): Promise<Answer> {
  try {
    return { how: 'ok', value: await send(service, request, options) };
  } catch (error) {
    if (error instanceof CallerGone) return { how: 'left' };
    if (error instanceof QueueError) return { how: 'error', code: error.code, message: error.message };
    // Over HTTP this is an internal error.
    if (error instanceof StorageError) return { how: 'error', code: 'internal', message: error.message };
    throw error;
  }
}

function send(service: Service, request: Request, options: CallOptions): Promise<unknown> {
  const queueName = request.queue;
  switch (request.kind) {
    case 'produce': {
      const items = request.items.map(({ name, enqueueAt }) => ({ ...contentOf(name), enqueueAt }));
      return service.queue.produce({ queueName, requestTimeout: `${request.timeoutMs}ms`, items }, options);
    }
    case 'lease': {
      const { clientId, limit, timeoutMs } = request;
      const call = { queueName, clientId, batchSize: limit, requestTimeout: `${timeoutMs}ms` };
      return service.queue.lease(call, options);
    }
    case 'complete': {
      const { partition, ids } = request;
      return service.queue.complete({
        queueName,
        partition,
        ids,
        requestTimeout: `${COMPLETE_TIMEOUT_MS}ms`,
      });
    }
    case 'extend': {
      const { partition, ids, leaseMs } = request;
      return service.leasedItems.extend({
        queueName,
        partition,
        ids,
        leaseTimeout: `${leaseMs}ms`,
        requestTimeout: `${COMPLETE_TIMEOUT_MS}ms`,
      });
    }
    case 'retry':
      return service.queue.retry({ queueName, partition: request.partition, items: request.items });
    case 'clear': {
      const { waiting, scheduled, destructive } = request;
      return service.queue.clear({ queueName, queue: waiting, scheduled, destructive });
    }
    case 'delete-items':
      return service.storage.deleteItems({ queueName, partition: request.partition, ids: request.ids });
    case 'list-items':
      return service.storage.listItems({ queueName, partition: request.partition, pivot: '', limit: 0 });
    case 'stats':
      return service.queue.stats(queueName);
    case 'reload':
      return service.queue.reload(queueName);
    case 'info':
      return service.queues.info(queueName);
    case 'move-partition': {
      const { partition, storage: storageName } = request;
      const call = { kind: 'move_partition', queueName, partition, storageName };
      return service.tasks.create({ ...call, to: '', rate: 0, dryRun: false });
    }
    case 'cancel-task':
      return service.tasks.cancel(request.id);
    case 'create':
      return service.queues.create(queueCall(queueName, request.settings));
    case 'update':
      return service.queues.update(queueCall(queueName, request.settings));
    case 'delete-queue':
      return service.queues.delete(queueName, request.force, { onlyEmpty: request.onlyEmpty ?? false });
  }
}

function queueCall(queueName: string, settings: Partial<QueueCall>): QueueCall {
  return {
    queueName,
    namespace: '',
    leaseTimeout: '4s',
    expireTimeout: '24h',
    deadQueue: '',
    maxAttempts: 0,
    reference: '',
    requestedPartitions: 1,
    ...settings,
  };
}
