import { Load } from '@querator/tooling-load';
import type { WatchedServer } from './watched-server.ts';

/** A load whose producers have one item each at a time. Start it without consumers; `settle` completes the items. */
export function producersOf(server: WatchedServer, queues: readonly string[], produceTimeout = '10s'): Load {
  const each = queues.map((name) => ({ name, produce: 1, lease: 500 }));
  return new Load([server], { queues: each, scheduled: 0, produceTimeout });
}
