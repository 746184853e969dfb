import type {
  Clock,
  Logger,
  Outbox,
  QueueStore,
  Random,
  StorageBackend,
  StorageCapabilities,
} from '@querator/core';
import { MEMORY_CAPABILITIES, memoryBackend } from '@querator/storage-memory';
import {
  type ItemsTables,
  POSTGRES_CAPABILITIES,
  type PoolRegistry,
  parsePostgresConfig,
  postgresBackend,
  postgresItemsTables,
  postgresOutbox,
  withoutPasswords,
} from '@querator/storage-postgres';

/** The options of a driver, as the configuration file gives them. */
export type DriverConfig = Readonly<Record<string, string | number | boolean>>;

/** The dependencies of every driver. */
export interface DriverDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Shares one pool per connection string in the whole server. */
  readonly pools: PoolRegistry;
}

/** A storage driver that the configuration can name. */
interface Driver {
  readonly capabilities: StorageCapabilities;
  /** Checks the options. The errors never contain a value: it may be a secret. */
  check(config: DriverConfig): readonly { readonly key: string; readonly message: string }[];
  /** Creates a storage from checked options. Touches no disk and no network. */
  create(name: string, config: DriverConfig, deps: DriverDeps): StorageBackend;
  /** The options that keep their values while a process runs: all but passwords. Undefined: all of them. */
  fixed?(config: DriverConfig): unknown;
  /**
   * Uses the passwords of changed options for further connections.
   *
   * @param config the options at the start of the process.
   */
  renewPasswords?(config: DriverConfig, changed: DriverConfig, deps: Pick<DriverDeps, 'pools'>): void;
  /** Opens the tables of a storage for an operator's tools. Undefined: the driver has no tables. */
  tables?(name: string, config: DriverConfig, deps: DriverDeps, queues: QueueStore): ItemsTables;
}

/** Every driver, by its name in the configuration file. No other file names one. */
export const DRIVERS: ReadonlyMap<string, Driver> = new Map<string, Driver>([
  [
    'memory',
    {
      capabilities: MEMORY_CAPABILITIES,
      check: (config) =>
        Object.keys(config).map((key) => ({ key, message: 'unknown key; this driver has no options' })),
      create: (name, _config, { clock, random }) => memoryBackend({ name, clock, random }),
    },
  ],
  [
    'postgres',
    {
      capabilities: POSTGRES_CAPABILITIES,
      check: (config) => faultOf(() => parsePostgresConfig(config)),
      create: (name, config, { random, logger, pools: registry }) =>
        postgresBackend({ name, random, logger, registry, ...parsePostgresConfig(config) }),
      fixed: (config) => {
        const { connectionString, ...rest } = parsePostgresConfig(config);
        return { ...rest, connection: withoutPasswords(connectionString) };
      },
      renewPasswords: (config, changed, { pools }) => {
        const [before, after] = [config, changed].map((each) => parsePostgresConfig(each).connectionString);
        if (before !== undefined && after !== undefined) pools.renewPasswords(before, after);
      },
      tables: (name, config, { random, pools: registry }, queues) =>
        postgresItemsTables({ name, random, registry, queues, ...parsePostgresConfig(config) }),
    },
  ],
]);

/** The driver of the databases that have outboxes. */
export const OUTBOX_DRIVER = 'postgres';

/** Opens an outbox with checked settings. Connects at its first call. */
export function createOutbox(
  {
    'connection-string': connectionString,
    schema,
  }: { readonly 'connection-string': string; readonly schema: string },
  { random, logger, pools: registry }: Pick<DriverDeps, 'random' | 'logger' | 'pools'>,
): Outbox {
  return postgresOutbox({ connectionString, schema, registry, random, logger });
}

/** The error of a driver reads `key: message`. */
function faultOf(parse: () => unknown): { key: string; message: string }[] {
  try {
    parse();
    return [];
  } catch (error) {
    const [key = '', ...message] = (error as Error).message.split(': ');
    return [{ key, message: message.join(': ') }];
  }
}
