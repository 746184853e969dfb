import type { Clock, Logger, QueueStore, Random, StorageBackend } from '@querator/core';
import { memoryBackend } from '@querator/storage-memory';
import {
  type ItemsTables,
  type PoolRegistry,
  parsePostgresConfig,
  postgresBackend,
  postgresItemsTables,
} from '@querator/storage-postgres';

/** A driver's own options, as they stand in the configuration file. */
export type DriverConfig = Readonly<Record<string, string | number | boolean>>;

/** What drivers are given to work with. */
export interface DriverDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** One pool per connection string, for the whole server. */
  readonly pools: PoolRegistry;
}

/** A storage driver as the configuration knows it. */
interface Driver {
  /** Whether what is stored survives the end of the process. */
  readonly durable: boolean;
  /** Whether several processes may use one storage. */
  readonly shared: boolean;
  /** What is wrong with the options; empty: nothing. Never holds a value, which may be a secret. */
  check(config: DriverConfig): readonly { readonly key: string; readonly message: string }[];
  /** Makes a storage of checked options. Touches no disk and no network. */
  create(name: string, config: DriverConfig, deps: DriverDeps): StorageBackend;
  /**
   * Opens what a storage keeps, for an operator's tools. Absent: the driver
   * keeps nothing that outlives the process.
   */
  tables?(name: string, config: DriverConfig, deps: DriverDeps, queues: QueueStore): ItemsTables;
}

/** The drivers there are, by the name in the configuration file. The only place that names them. */
export const DRIVERS: ReadonlyMap<string, Driver> = new Map<string, Driver>([
  [
    'memory',
    {
      durable: false,
      shared: false,
      check: (config) =>
        Object.keys(config).map((key) => ({ key, message: 'unknown key; this driver has no options' })),
      create: (name, _config, { clock, random }) => memoryBackend({ name, clock, random }),
    },
  ],
  [
    'postgres',
    {
      durable: true,
      shared: true,
      check: (config) => faultOf(() => parsePostgresConfig(config)),
      create: (name, config, { random, logger, pools: registry }) =>
        postgresBackend({ name, random, logger, registry, ...parsePostgresConfig(config) }),
      tables: (name, config, { random, pools: registry }, queues) =>
        postgresItemsTables({ name, random, registry, queues, ...parsePostgresConfig(config) }),
    },
  ],
]);

/** A driver says what is wrong as `key: message`. */
function faultOf(parse: () => unknown): { key: string; message: string }[] {
  try {
    parse();
    return [];
  } catch (error) {
    const [key = '', ...message] = (error as Error).message.split(': ');
    return [{ key, message: message.join(': ') }];
  }
}
