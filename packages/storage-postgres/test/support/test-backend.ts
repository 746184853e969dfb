import { SystemRandom } from '@querator/core';
import { PoolRegistry, type PostgresBackendOptions, postgresBackend } from '../../src/index.ts';

/** A backend as the server creates it, on the database's own clock. */
export function testBackend(connectionString: string, options: Partial<PostgresBackendOptions> = {}) {
  const registry = options.registry ?? new PoolRegistry(options.logger ? { logger: options.logger } : {});
  return postgresBackend({
    name: 'postgres-01',
    connectionString,
    registry,
    random: new SystemRandom(),
    ...options,
  });
}
