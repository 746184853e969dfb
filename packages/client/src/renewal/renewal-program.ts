import type { MessagePort } from 'node:worker_threads';
// biome-ignore lint/style/noRestrictedImports: an outermost file, as the main file of a program is.
import { type Instant, SystemClock, SystemRandom } from '@querator/core';
import { createClient } from '../client.ts';
import { extendOf } from '../port/extend-of.ts';
import { toThreadError } from '../thread/thread-error.ts';
import type { FromThread, ThreadStart, ToThread } from '../thread/thread-messages.ts';
import { LeaseTable } from './lease-table.ts';
import { ThreadLoop } from './thread-loop.ts';

/**
 * Renews leases in a worker thread, as the messages of its parent say.
 *
 * @param heard the messages so far.
 */
export function renewLeases({ port, settings }: ThreadStart, heard: readonly ToThread[]): void {
  const clock = new SystemClock();
  const random = new SystemRandom();
  const extend = extendOf(createClient({ ...settings, clock }));
  const loops = new Map<number, ThreadLoop>();
  const tell = (message: FromThread) => (port as MessagePort).postMessage(message);

  const begin = ({ loop, queueName, leaseTimeout, table }: Extract<ToThread, { kind: 'begin' }>) =>
    new ThreadLoop({
      ...{ port: { extend }, queueName, clock, random, leaseTimeout },
      table: new LeaseTable(table),
      onError: (error) => tell({ kind: 'error', loop, error: toThreadError(error) }),
      onLost: ({ id }) => tell({ kind: 'lost', loop, id }),
      onRenewed: (renewed) => {
        const deadlines = renewed.map(({ id, leaseDeadline }) => [id, leaseDeadline as Instant] as const);
        tell({ kind: 'renewed', loop, deadlines });
      },
    });
  const hear = (message: ToThread) => {
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
      case 'load':
        return;
    }
  };
  for (const message of heard) hear(message);
  port.on('message', hear);
}
