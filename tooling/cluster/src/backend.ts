import { type StorageBackend, SystemRandom } from '@querator/core';
import { PoolRegistry, type PostgresBackendOptions, postgresBackend } from '@querator/storage-postgres';

/** The PostgreSQL driver on a database, with connections of its own. */
export function openBackend(
  connectionString: string,
  options: Partial<PostgresBackendOptions> = {},
): StorageBackend {
  const deps = { registry: new PoolRegistry(), random: new SystemRandom() };
  return postgresBackend({ name: 'postgres-01', connectionString, ...deps, ...options });
}
