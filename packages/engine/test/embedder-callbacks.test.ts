import { type Logger, silentLogger } from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { describe, expect, test } from 'vitest';
import { createService, type EngineObserver } from '../src/index.ts';
import { item, queueCall } from './support/harness.ts';

const fail = () => {
  throw new Error('a fault of the embedder');
};
const broken: EngineObserver = { items: fail, batch: fail };
const brokenLogger: Logger = { debug: fail, info: fail, warn: fail, error: fail };

async function fixture(given: { readonly observer?: EngineObserver; readonly logger?: Logger }) {
  const clock = new ManualClock();
  const random = new SeededRandom();
  const storage = new FaultyStorage(memoryBackend({ name: 'mem', clock, random }));
  const service = createService({
    clock,
    random,
    queueStore: storage.queueStore(),
    storages: [{ backend: storage, affinity: 1 }],
    ...given,
  });
  await service.queues.create(queueCall('q'));
  return { service, clock, storage };
}

/** Every call that reports to the observer, and what waits between them. */
async function wholeLife({ service, clock }: Awaited<ReturnType<typeof fixture>>): Promise<void> {
  const timeouts = { queueName: 'q', requestTimeout: '1m' };
  const lease = (batchSize: number) => service.queue.lease({ ...timeouts, clientId: 'me', batchSize });
  await service.queue.produce({ ...timeouts, items: [item('a'), item('b'), item('c')] });
  const { items, partition } = await lease(3);
  const [a, b, c] = items.map(({ id }) => id);
  await service.queue.complete({ ...timeouts, partition, ids: [a as string] });
  const retried = { id: b as string, retryAt: undefined, dead: false };
  await service.queue.retry({ queueName: 'q', partition, items: [retried] });
  // The lease of the third item ends, and the sweeper requeues it.
  await clock.advance('2m');
  const again = await lease(3);
  expect(again.items).toHaveLength(2);
  expect(again.items.map(({ id }) => id)).not.toContain(c);
  await service.queue.complete({ ...timeouts, partition, ids: again.items.map(({ id }) => id) });
  const waiting = lease(1);
  await service.queue.produce({ ...timeouts, items: [item('d')] });
  expect((await waiting).items).toHaveLength(1);
}

describe('callbacks of an embedder', () => {
  test('an observer that throws has no effect except one log line', async () => {
    const lines: string[] = [];
    const logger = { ...silentLogger, error: (line: string) => lines.push(line) };
    await wholeLife(await fixture({ observer: broken, logger }));
    expect(lines).toEqual(['the observer threw an error; its counts are incomplete from now on']);
  });

  test.each([
    ['throws', brokenLogger],
    ['rejects', { ...brokenLogger, ...{ warn: async () => fail(), info: async () => fail() } }],
  ])('a logger that %s has no effect', async (_, logger) => {
    const it = await fixture({ observer: broken, logger });
    await wholeLife(it);
    it.storage.cut(0);
    const produced = it.service.queue.produce({ queueName: 'q', requestTimeout: '1s', items: [item('x')] });
    const refused = expect(produced).rejects.toThrow('request timeout; items were not produced, try again');
    await it.clock.advance('2s');
    await refused;
    it.storage.heal(0);
    await it.clock.advance('1m');
    await it.service.queue.produce({ queueName: 'q', requestTimeout: '1s', items: [item('y')] });
  });

  test('a caller whose isGone throws counts as present', async () => {
    const { service, clock } = await fixture({});
    const call = { queueName: 'q', requestTimeout: '1m' };
    const options = {
      isGone: fail,
      get signal(): AbortSignal {
        return fail();
      },
    };
    const leased = service.queue.lease({ ...call, clientId: 'me', batchSize: 1 }, options);
    await clock.advance('1s');
    await service.queue.produce({ ...call, items: [item('a')] }, options);
    expect((await leased).items).toHaveLength(1);
  });
});
