import { call } from './call.ts';
import type { QueueRates } from './queue-rates.ts';
import type { Task } from './tasks.ts';
import type { Span, Time } from './types.ts';

/** The settings of a queue. */
export interface QueueInfo {
  readonly queue_name: string;
  readonly created_at?: Time;
  readonly updated_at?: Time;
  readonly dead_queue?: string;
  readonly reference?: string;
  readonly lease_timeout?: Span;
  readonly expire_timeout?: Span;
  readonly max_attempts?: number;
  readonly requested_partitions?: number;
  readonly namespace?: string;
}

/** A pause that is in force. */
export interface Pause {
  readonly until?: Time;
}

/** The pauses of a queue. */
export interface Pauses {
  readonly produce?: Pause;
  readonly lease?: Pause;
}

/** A partition, with what it held when it was counted. */
export interface Partition {
  readonly partition?: number;
  readonly storage_name?: string;
  readonly state?: string;
  readonly health?: string;
  readonly failures?: number;
  readonly waiting?: number;
  readonly leased?: number;
  readonly scheduled?: number;
  readonly head_age?: Span;
  readonly count_age?: Span;
  readonly dedup_keys?: number;
  readonly moving_to?: string;
}

/** How long consumers held items that the answering server both leased and completed, in the last 10 minutes. */
export interface Handling {
  readonly count?: number;
  readonly p50?: Span;
  readonly p95?: Span;
  readonly p99?: Span;
  readonly max?: Span;
  readonly watched?: Span;
}

/** A queue with its partitions. */
export interface QueueDescription {
  readonly queue: QueueInfo;
  readonly pause?: Pauses;
  readonly waiting?: number;
  readonly leased?: number;
  readonly scheduled?: number;
  readonly head_age?: Span;
  readonly count_age?: Span;
  readonly uncounted?: number;
  readonly dedup_keys?: number;
  readonly partitions?: readonly Partition[];
  readonly handling?: Handling;
}

/** What the processes of the answering server do for a queue. */
export interface QueueStats {
  readonly logicalQueues?: readonly {
    readonly produce_waiting?: number;
    readonly lease_waiting?: number;
    readonly complete_waiting?: number;
    readonly in_flight?: number;
  }[];
}

export const describeQueue = (queue: string, signal?: AbortSignal): Promise<QueueDescription> =>
  call('v2/queues.describe', { queue_name: queue }, { signal });

export const queueRates = (queue: string, span: Span, signal: AbortSignal): Promise<QueueRates> =>
  call('v2/queues.rates', { queue_name: queue, span }, { signal });

export const queueStats = (queue: string, signal: AbortSignal): Promise<QueueStats> =>
  call('v1/queue.stats', { queue_name: queue }, { signal });

/** The settings of a queue that can be edited. */
export type QueueSettings = Pick<
  QueueInfo,
  'queue_name' | 'dead_queue' | 'reference' | 'lease_timeout' | 'expire_timeout' | 'max_attempts'
>;

/**
 * Replaces the settings of a queue. An absent field is not kept.
 *
 * @param readAt the `updated_at` of the settings that were edited.
 * @throws CallError also with the reason `changed`, if the queue has changed since.
 */
export const updateQueue = (settings: QueueSettings, readAt: Time | undefined): Promise<unknown> =>
  call('v2/queues.update', { ...settings, if_updated_at: readAt });

export const createQueue = (settings: QueueInfo): Promise<unknown> => call('v1/queues.create', settings);

export const deleteQueue = (queue: string, force: boolean): Promise<unknown> =>
  call('v2/queues.delete', { queue_name: queue, force });

export const pauseQueue = (
  queue: string,
  parts: { readonly produce: boolean; readonly lease: boolean; readonly until?: Time },
): Promise<Pauses> => call('v2/queues.pause', { queue_name: queue, ...parts });

export const resumeQueue = (queue: string): Promise<Pauses> =>
  call('v2/queues.resume', { queue_name: queue });

/** Gives a queue another number of partitions, by a task. */
export const resizeQueue = (
  queue: string,
  {
    partitions,
    dryRun,
    move,
  }: { readonly partitions: number; readonly dryRun: boolean; readonly move: boolean },
): Promise<Task> => call('v2/queues.resize', { queue_name: queue, partitions, dry_run: dryRun, move });
