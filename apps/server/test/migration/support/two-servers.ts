import { type Client, createClient, ensureQueue, type Fetch } from '@querator/client';
import { type Clock, SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { compose } from '../../../src/compose.ts';
import { defaultConfig } from '../../../src/config/load.ts';

/** Two servers in this process, at `http://old` and `http://new`. */
export interface TwoServers {
  readonly fetch: Fetch;
  readonly old: Client;
  /** The first server with all that it has. */
  readonly operator: Client;
  readonly new: Client;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** @param api what the first server serves. `v1`: it stands in for a server that has nothing else. */
export function twoServers(api: 'v1' | 'v2', clock: Clock = new SystemClock()): TwoServers {
  const deps = () => ({ clock, random: new SystemRandom(), logger: silentLogger });
  const [first, second] = [compose(defaultConfig(), deps()), compose(defaultConfig(), deps())];
  const fetch: Fetch = async (url, init) => {
    const { host, pathname } = new URL(url);
    if (host === 'new') return second.app.fetch(new Request(url, init), {});
    const isHidden = api === 'v1' && pathname.startsWith('/v2/');
    const shown = isHidden ? url.replace('/v2/', '/none/') : url;
    return first.app.fetch(new Request(shown, init), {});
  };
  return {
    fetch,
    old: createClient({ endpoint: 'http://old', fetch, clock }),
    operator: createClient({
      ...{ endpoint: 'http://old', clock },
      fetch: async (url, init) => first.app.fetch(new Request(url, init), {}),
    }),
    new: createClient({ endpoint: 'http://new', fetch, clock }),
    start: async () => {
      await first.start();
      await second.start();
    },
    stop: async () => {
      await first.stop();
      await second.stop();
    },
  };
}

/** Creates a queue of two partitions, each with this number of waiting items. The payload of an item is its number. */
export async function fillQueue(client: Client, queue: string, items: number): Promise<void> {
  await ensureQueue(client, { queue, partitions: 2, maxAttempts: 5 });
  for (const partition of [0, 1]) {
    const given = Array.from({ length: items }, (_, n) => ({
      payload: Buffer.from(`${partition}:${n}`),
      attempts: 2,
      expireDeadline: { seconds: 4_000_000_000, nanos: 0 },
    }));
    await client.storage.itemsImport({ queueName: queue, partition, items: given });
  }
}

/** Leases and completes everything that waits. @returns the payloads. */
export async function consumeAll(
  client: Client,
  queueName: string,
  requestTimeout = '10ms',
): Promise<readonly string[]> {
  const consumed: string[] = [];
  const request = { queueName, clientId: 'consumer', batchSize: 1_000, requestTimeout };
  for (;;) {
    const leased = await client.queue.lease(request).catch(() => undefined);
    if (leased === undefined) return consumed;
    consumed.push(...leased.items.map(({ bytes }) => Buffer.from(bytes).toString()));
    const { partition } = leased;
    const ids = leased.items.map(({ id }) => id);
    await client.queue.complete({ queueName, partition, ids, requestTimeout: '5s' });
  }
}
