import { describe, expect, test } from 'vitest';
import { describedStorages } from '../../src/config/described-storages.ts';
import { parseConfig } from '../../src/index.ts';
import { STORAGES, useServer } from '../support/test-server.ts';

describe.each(STORAGES)('/v2/server.info on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  test('tells of each storage what /health tells', async () => {
    const { json } = await server.post('/v2/server.info', {});
    const { checks } = (await (await fetch(`${server.url}/health`)).json()) as {
      checks: Record<string, readonly { capabilities: readonly string[] }[]>;
    };
    const capabilities = checks['store-0:storage']?.[0]?.capabilities;
    expect(capabilities?.length).toBeGreaterThan(10);
    expect(json.storages).toEqual([{ name: 'store-0', driver: storage, affinity: 1, capabilities }]);
    expect(json.queue_storage).toEqual({ name: 'queue-storage', driver: storage, capabilities });
  });
});

test('a storage of items that keeps the queues too is shown as both', () => {
  const config = parseConfig(`
partition-storage:
  - name: a
    driver: memory
  - name: b
    driver: sqlite
    affinity: 0
    drain: true
    config: { path: /nowhere.db }
`);
  const { storages, queueStorage } = describedStorages(config);
  expect(storages.map(({ name, affinity, drain }) => [name, affinity, drain])).toEqual([
    ['a', 1, false],
    ['b', 0, true],
  ]);
  expect(queueStorage).toBe(storages[1]);
  expect(storages.map(({ capabilities }) => capabilities.includes('durable'))).toEqual([false, true]);
});
