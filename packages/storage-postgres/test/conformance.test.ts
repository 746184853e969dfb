import { describeStorage } from '@querator/storage-conformance';
import { createTestDatabase } from '@querator/tooling-postgres';
import { PoolRegistry, postgresBackend } from '../src/index.ts';
import { createOwner } from './support/roles.ts';

// As a role that owns its database and has no other rights: no superuser, no right to
// create anything elsewhere.
describeStorage('postgres', async () => {
  const database = await createTestDatabase();
  const { connectionString, ...owner } = await createOwner(database);
  const registry = new PoolRegistry();
  return {
    open: (options) => postgresBackend({ name: 'postgres', connectionString, registry, ...options }),
    dispose: async () => {
      await owner.drop();
      await database.drop();
    },
    modelRuns: 25,
  };
});
