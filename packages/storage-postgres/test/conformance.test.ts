import { SystemRandom } from '@querator/core';
import { describeStorage } from '@querator/storage-conformance';
import { createTestDatabase, startFaultProxy, type TestDatabase } from '@querator/tooling-postgres';
import { PoolRegistry, postgresBackend } from '../src/index.ts';
import { createOwner } from './support/roles.ts';

// As a role that owns its database and has no other rights: no superuser, no right to
// create anything elsewhere.
describeStorage('postgres', async () => {
  const database = await createTestDatabase();
  const { connectionString, ...owner } = await createOwner(database);
  const counted = await startFaultProxy(connectionString);
  const registry = new PoolRegistry();
  const ofProcesses: TestDatabase[] = [];
  const proxies = [counted];
  const shared = { name: 'postgres', connectionString: counted.connectionString, registry };
  // Keeps the pool, and so its connections, between tests: they take longer to open than most tests do.
  const held = postgresBackend({ ...shared, random: new SystemRandom() });
  await held.ping();
  return {
    open: (options) => postgresBackend({ ...shared, ...options }),
    dispose: async () => {
      await held.close();
      for (const proxy of proxies) await proxy.close();
      await owner.drop();
      for (const each of [database, ...ofProcesses]) await each.drop();
    },
    modelRuns: 25,
    processes: {
      module: new URL('../src/index.ts', import.meta.url),
      newOptions: async () => {
        const own = await createTestDatabase();
        ofProcesses.push(own);
        return { 'connection-string': own.connectionString, 'max-conns': 4 };
      },
    },
    openWithFaults: async (options) => {
      const proxy = await startFaultProxy(connectionString);
      proxies.push(proxy);
      const faulty = {
        name: 'postgres',
        connectionString: proxy.connectionString,
        registry: new PoolRegistry(),
      };
      const backend = postgresBackend({ ...faulty, ...options });
      return {
        backend,
        refuse: async () => {
          proxy.refuse();
          proxy.cut();
          // Until the driver knows that its connections are gone. A call on one that is just being reset is unknown.
          await backend.ping().catch(() => {});
        },
        loseAnswers: () => proxy.cutAtAnswers(),
        heal: () => proxy.restore(),
      };
    },
    roundTrips: () => counted.sent,
  };
});
