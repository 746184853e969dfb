import type { CheckedOptions, DriverDeps, GivenOptions, StorageDriver } from '@querator/core';
import { postgresItemsTables } from './items-tables/items-tables.ts';
import { PoolRegistry } from './pool/pool-registry.ts';
import { POSTGRES_CAPABILITIES, postgresBackend } from './postgres-backend.ts';
import { type PostgresConfig, parsePostgresConfig } from './settings/config.ts';
import { withoutPasswords } from './settings/connection-string.ts';

/** The driver `postgres`. */
export const driver: StorageDriver<PostgresConfig> = {
  portVersion: 1,
  name: 'postgres',
  capabilities: POSTGRES_CAPABILITIES,
  options: checkConfig,
  create: (config, deps) =>
    postgresBackend({
      ...{ name: deps.name, random: deps.random, logger: deps.logger, registry: postgresPools(deps) },
      ...config,
    }),
  fixed: ({ connectionString, ...rest }) => ({ ...rest, connection: withoutPasswords(connectionString) }),
  renew: (config, changed, deps) => {
    postgresPools(deps).renewPasswords(config.connectionString, changed.connectionString);
  },
  tables: (config, { queues, ...deps }) =>
    postgresItemsTables({
      ...{ name: deps.name, random: deps.random, registry: postgresPools(deps), queues },
      ...config,
    }),
};

/** The connection pools that all storages of one program share. */
export function postgresPools({ shared, logger, clock, random }: Omit<DriverDeps, 'name'>): PoolRegistry {
  return shared.of(PoolRegistry, () => new PoolRegistry({ logger, clock, random }));
}

/** The error of `parsePostgresConfig` reads `key: message`. */
function checkConfig(given: GivenOptions): CheckedOptions<PostgresConfig> {
  try {
    return { value: parsePostgresConfig(given) };
  } catch (error) {
    const [key = '', ...message] = (error as Error).message.split(': ');
    return { issues: [{ path: [key], message: message.join(': ') }] };
  }
}
