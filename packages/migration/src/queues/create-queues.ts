import type { Client } from '@querator/client';
import { type Pausable, QueueError } from '@querator/core';
import type { QueueInfo } from '@querator/protocol';
import { repeat, type Work } from '../repeat.ts';

export interface CreateQueuesOptions extends Work {
  readonly client: Client;
  /** Undefined: the namespace that each queue has. */
  readonly namespace?: string | undefined;
}

/** A queue that exists now. */
export interface TargetQueue {
  readonly isNew: boolean;
  readonly partitions: number;
  /** The settings of a queue that existed before and has other ones, by their names in the API. */
  readonly differences: readonly string[];
  /** What is paused as it was where the queue comes from. Undefined: it was not paused. */
  readonly paused?: readonly Pausable[] | undefined;
}

const COMPARED = [
  ['lease_timeout', 'leaseTimeout'],
  ['expire_timeout', 'expireTimeout'],
  ['max_attempts', 'maxAttempts'],
  ['dead_queue', 'deadQueue'],
  ['reference', 'reference'],
  ['requested_partitions', 'requestedPartitions'],
] as const;

/**
 * Creates queues with these settings unless they exist, dead-letter queues first.
 * Existing ones stay as they are.
 *
 * @throws the error of a call.
 */
export async function createQueues(
  options: CreateQueuesOptions,
  infos: readonly QueueInfo[],
): Promise<ReadonlyMap<string, TargetQueue>> {
  const wanted = new Map(infos.map((info) => [info.queueName, info]));
  const made = new Map<string, TargetQueue>();
  const make = async (info: QueueInfo): Promise<void> => {
    if (made.has(info.queueName)) return;
    const deadQueue = wanted.get(info.deadQueue);
    wanted.delete(info.queueName);
    if (deadQueue !== undefined) await make(deadQueue);
    made.set(info.queueName, await createQueue(options, info));
  };
  for (const info of infos) await make(info);
  return made;
}

async function createQueue(options: CreateQueuesOptions, wanted: QueueInfo): Promise<TargetQueue> {
  const { client, namespace, signal } = options;
  const existing = await find(options, wanted.queueName);
  if (existing !== undefined) {
    const differences = COMPARED.filter(([, field]) => existing[field] !== wanted[field]);
    return {
      isNew: false,
      partitions: existing.requestedPartitions,
      differences: differences.map(([name]) => name),
    };
  }
  const { queueName, deadQueue, reference, leaseTimeout, expireTimeout, maxAttempts } = wanted;
  const { requestedPartitions } = wanted;
  await repeat(options, async () => {
    try {
      await client.queues.create(
        {
          ...{ queueName, deadQueue, reference, leaseTimeout, expireTimeout, maxAttempts },
          ...{ requestedPartitions, namespace: namespace ?? wanted.namespace },
        },
        { signal },
      );
    } catch (error) {
      if (!(error instanceof QueueError && error.reason === 'queue_exists')) throw error;
      // The attempt before may have created it. If not, it belongs to somebody else, and this is refused.
      await client.queues.info({ queueName }, { signal });
    }
  });
  return { isNew: true, partitions: requestedPartitions, differences: [] };
}

async function find(options: CreateQueuesOptions, queueName: string): Promise<QueueInfo | undefined> {
  const { client, signal } = options;
  try {
    return await repeat(options, () => client.queues.info({ queueName }, { signal }));
  } catch (error) {
    if (!(error instanceof QueueError)) throw error;
    // A caller with rights in one namespace only does not learn which queues there are.
    if (error.reason === 'no_such_queue' || error.code === 'forbidden') return undefined;
    throw error;
  }
}
