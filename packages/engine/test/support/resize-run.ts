import { type Queue, type StorageBackend, StorageError, type Task } from '@querator/core';
import type { Service } from '../../src/index.ts';
import { ResizeQueue } from '../../src/tasks/kinds/resize-queue.ts';
import type { TaskCall } from '../../src/tasks/task-kind.ts';
import { item, payloadOf } from './harness.ts';
import { type FAULTS, MoveRun, MoveWorld, type ProcessHooks } from './move-run.ts';

/** The storage calls of a resize that can fail. */
export const RESIZE_CALLS = ['resize', 'readmit', 'fenceKeys'] as const;
/** Those of a resize to fewer partitions. */
export const LEAVING_CALLS = [
  'resize',
  'beginLeaving',
  'fenceKeys',
  'resume',
  'readItems',
  'leave',
  'end',
] as const;

/** Those of a resize that moves items, besides those. */
export const CARRYING_CALLS = [
  'find',
  'transfer',
  'takenItems',
  'takeItems',
  'prepareLetters',
  'markTaken',
  'commitLetters',
  'removeTaken',
] as const;
/** A storage call of a resize to fewer partitions that can fail. */
export type LeavingCall = (typeof LEAVING_CALLS | typeof CARRYING_CALLS)[number];

/** Two storages, and servers that use both. */
export class ResizeWorld extends MoveWorld {
  /** Prepares a resize, as the creation of its task does. */
  prepareResize(call: Partial<TaskCall> = {}) {
    return this.#kind().prepare(
      { queueName: 'q', to: '', ...call },
      async () => (await this.queue()) as Queue,
    );
  }

  async resize(partitions: number, { id = 'task-1', dryRun = false, move = false } = {}): Promise<MoveRun> {
    const { queue, parameters } = await this.prepareResize({ partitions, move });
    const task = { id, kind: 'resize', queue: queue?.name, parameters, dryRun };
    return new MoveRun((hooks) => this.#kind(hooks), task as Task);
  }

  queue(): Promise<Queue | undefined> {
    return this.near.queueStore().get('q');
  }

  /** The storages of the queue's partitions, in order. */
  async placed(): Promise<readonly string[]> {
    return (await this.queue())?.partitions.map(({ storageName }) => storageName) ?? [];
  }

  /** The payloads in each partition, wherever it is. */
  async inPartitions(): Promise<readonly (readonly string[])[]> {
    const payloads = (await this.placed()).map(async (name, partition) => {
      const storage: StorageBackend = name === 'near' ? this.near : this.far;
      const request = { state: 'queued', pivot: '', limit: 1_000 } as const;
      return (await storage.partitionStore({ queue: 'q', partition }).list(request)).map(payloadOf);
    });
    return Promise.all(payloads);
  }

  /** Whether the partition takes no more calls that write, on a storage that it has left. */
  async isClosedAt(partition: number): Promise<boolean> {
    const closed = [this.near, this.far].map(async (storage) => {
      try {
        await storage.partitionStore({ queue: 'q', partition }).release([]);
        return false;
      } catch (error) {
        return error instanceof StorageError && error.closed;
      }
    });
    return (await Promise.all(closed)).includes(true);
  }

  /** Produces one item under a key. */
  produceKeyed(service: Service, dedupKey: string, text = dedupKey, dedupWindow = '1h') {
    const call = { queueName: 'q', requestTimeout: '10s', dedupKey, itemKeys: [], dedupWindow };
    return this.answered(service.keyedProduces.produce({ ...call, items: [item(text)] }));
  }

  failResize(call: (typeof RESIZE_CALLS)[number] | LeavingCall, how: (typeof FAULTS)[number]): void {
    if (call === 'resize') this.near.failQueues(call, how);
    else for (const storage of [this.near, this.far]) for (let n = 0; n < 8; n++) storage.fail(call, n, how);
  }

  override heal(): void {
    super.heal();
    for (const storage of [this.near, this.far]) for (let n = 0; n < 8; n++) storage.heal(n);
  }

  #kind(hooks?: ProcessHooks): ResizeQueue {
    return new ResizeQueue(this.processDeps(hooks));
  }
}
