// The program of a worker thread: renews leases while the main thread is busy.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
// biome-ignore lint/style/noRestrictedImports: an outermost file, as the main file of a program is.
import { type Duration, type Instant, SystemClock, SystemRandom } from '@querator/core';
import { createClient } from '../client.ts';
import { extendOf } from '../port/extend-of.ts';
import { toThreadError } from '../thread/thread-error.ts';
import type { FromThread, ThreadItem, ThreadStart, ToThread } from '../thread/thread-messages.ts';
import { LoopRenewal } from './loop-renewal.ts';
import type { RenewedItem } from './renewal.ts';

const { port, settings } = workerData as ThreadStart;
const clock = new SystemClock();
const random = new SystemRandom();
const extend = extendOf(createClient({ ...settings, clock }));
const loops = new Map<number, ThreadLoop>();

/** The leases of one worker. */
interface ThreadLoop {
  readonly renewal: LoopRenewal<RenewedItem>;
  readonly items: Map<string, RenewedItem>;
}

function tell(message: FromThread): void {
  (port as MessagePort).postMessage(message);
}

function begin(loop: number, queueName: string, leaseTimeout: Duration | undefined): ThreadLoop {
  const items = new Map<string, RenewedItem>();
  const renewal = new LoopRenewal<RenewedItem>({
    ...{ port: { extend }, queueName, clock, random },
    leaseTimeout,
    onError: (error) => tell({ kind: 'error', loop, error: toThreadError(error) }),
    onLost: ({ id }) => {
      items.delete(id);
      tell({ kind: 'lost', loop, id });
    },
    onRenewed: (renewed) => {
      const deadlines = renewed.map(({ id, leaseDeadline }) => [id, leaseDeadline as Instant] as const);
      tell({ kind: 'renewed', loop, deadlines });
    },
  });
  return { renewal, items };
}

function change(
  { renewal, items }: ThreadLoop,
  added: readonly ThreadItem[],
  removed: readonly string[],
): void {
  for (const id of removed) {
    const item = items.get(id);
    if (item !== undefined) renewal.remove(item);
    items.delete(id);
  }
  const held = added.map((item) => ({ ...item, leaseDeadline: undefined }));
  for (const item of held) items.set(item.id, item);
  renewal.add(held);
}

port.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'begin':
      loops.set(message.loop, begin(message.loop, message.queueName, message.leaseTimeout));
      return;
    case 'items': {
      const loop = loops.get(message.loop);
      if (loop !== undefined) change(loop, message.added, message.removed);
      return;
    }
    case 'end':
      loops.get(message.loop)?.renewal.stop();
      loops.delete(message.loop);
      return;
  }
});
parentPort?.postMessage('ready');
