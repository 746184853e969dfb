import { endpointsV2 } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { callEndpoint } from '../support/call-endpoint.ts';
import { STORAGES, useServer } from '../support/test-server.ts';

const { list } = endpointsV2.storages;

describe.each(STORAGES)('v2/storages.list on %s', { timeout: 60_000 }, (storage) => {
  const server = useServer(storage);

  test.each(['json', 'protobuf'] as const)('shows the storages in %s', async (format) => {
    await server.createQueue(`q-${format}`, { requested_partitions: 2 });
    const { storages } = await callEndpoint(server.url, list, { format, message: {} });
    const common = {
      driver: storage,
      state: 'pass',
      capabilities: expect.arrayContaining(['find', 'moves']),
    };
    expect(storages.map(({ latency_ms: _, ...rest }: { readonly latency_ms?: number }) => rest)).toEqual([
      { ...common, name: 'store-0', affinity: 1, share: 100, partitions: format === 'json' ? 2 : 4 },
      { ...common, name: 'queue-storage', keeps_queues: true },
    ]);
  });
});
