// The program of a worker thread: renews leases while the main thread is busy.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
// biome-ignore lint/style/noRestrictedImports: an outermost file, as the main file of a program is.
import { type Instant, SystemClock, SystemRandom } from '@querator/core';
import { createClient } from '../client.ts';
import { extendOf } from '../port/extend-of.ts';
import { toThreadError } from '../thread/thread-error.ts';
import type { FromThread, ThreadStart, ToThread } from '../thread/thread-messages.ts';
import { LeaseTable } from './lease-table.ts';
import { ThreadLoop } from './thread-loop.ts';

const { port, settings } = workerData as ThreadStart;
const clock = new SystemClock();
const random = new SystemRandom();
const extend = extendOf(createClient({ ...settings, clock }));
const loops = new Map<number, ThreadLoop>();

function tell(message: FromThread): void {
  (port as MessagePort).postMessage(message);
}

function begin({ loop, queueName, leaseTimeout, table }: Extract<ToThread, { kind: 'begin' }>): ThreadLoop {
  return new ThreadLoop({
    ...{ port: { extend }, queueName, clock, random, leaseTimeout },
    table: new LeaseTable(table),
    onError: (error) => tell({ kind: 'error', loop, error: toThreadError(error) }),
    onLost: ({ id }) => tell({ kind: 'lost', loop, id }),
    onRenewed: (renewed) => {
      const deadlines = renewed.map(({ id, leaseDeadline }) => [id, leaseDeadline as Instant] as const);
      tell({ kind: 'renewed', loop, deadlines });
    },
  });
}

port.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'begin':
      loops.set(message.loop, begin(message));
      return;
    case 'look':
      loops.get(message.loop)?.look(message.by, message.table && new LeaseTable(message.table));
      return;
    case 'end':
      loops.get(message.loop)?.stop();
      loops.delete(message.loop);
      return;
  }
});
parentPort?.postMessage('ready');
