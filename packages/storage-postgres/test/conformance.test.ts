import { describeStorage } from '@querator/storage-conformance';
import { createTestDatabase } from '@querator/tooling-postgres';
import { PoolRegistry, postgresBackend } from '../src/index.ts';

describeStorage('postgres', async () => {
  const { connectionString, drop } = await createTestDatabase();
  const registry = new PoolRegistry();
  return {
    open: (options) => postgresBackend({ name: 'postgres', connectionString, registry, ...options }),
    dispose: drop,
    modelRuns: 25,
  };
});
