import type { Clock, Logger, Random, StorageBackend } from '@querator/core';
import { createService, type PartitionStorage, type Service } from '@querator/engine';
import { PoolRegistry, type PoolState } from '@querator/storage-postgres';
import type { Hono } from 'hono';
import { DRIVERS, type DriverConfig, type DriverDeps } from './backends.ts';
import type { Config } from './config/schema.ts';
import { type AppEnv, createApp } from './http/fetch/app.ts';
import { createRoutes } from './http/handlers/routes.ts';
import { HealthChecks } from './http/health/health.ts';
import type { HttpServerOptions } from './http/node/http-server.ts';
import { Metrics } from './observability/metrics.ts';
import type { ProcessLimits } from './observability/process-limits.ts';
import { ConfiguredQueues } from './startup/configured-queues.ts';
import { WorkerMetrics } from './workers/worker-metrics.ts';

/** Storages are asked no more often than this how they are, however many ask for the server's health. */
const HEALTH_FRESH_MS = 1_000;

/** What comes from outside, and differs between a server and a test. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Connections served at a time; 1,000 when absent. */
  readonly maxConnections?: number;
  /** What the process may use. Absent: it is not looked after, as where several servers share a process. */
  readonly processLimits?: ProcessLimits;
  /** Whether metrics tell of the process too; for the one server of a process. */
  readonly ofProcess?: boolean;
  /** Which of several processes on one port this is. */
  readonly worker?: string;
}

/** Everything a server consists of, put together, and not yet listening. */
export interface Composition {
  readonly app: Hono<AppEnv>;
  /** The same for a server of Node's. */
  readonly http: HttpServerOptions;
  readonly service: Service;
  readonly configuredQueues: ConfiguredQueues;
  /** What the connection pools are doing. */
  readonly pools: () => readonly PoolState[];
  /** Ends the service, then lets go of the storages. Twice is once. */
  stop(): Promise<void>;
}

/**
 * Puts a server together from its settings, by hand and from top to bottom:
 * what depends on what can be read here. Reaches for no disk and no network.
 */
export function compose(config: Config, world: World): Composition {
  const pools = new PoolRegistry({ logger: world.logger, clock: world.clock, random: world.random });
  const deps: DriverDeps = { ...world, pools };

  const metrics = new Metrics({ ...world, pools: () => pools.states() });

  const storages = config['partition-storage'].map((storage) => ({
    backend: metrics.measure(createBackend(storage.name, storage, deps)),
    affinity: storage.affinity,
  }));
  const queueStorage = createQueueStorage(config, deps, { metrics, storages });

  const queueStore = queueStorage.queueStore();
  const service = createService({
    ...world,
    queueStore,
    queueSignals: queueStorage.signals,
    storages,
    waitForStorage: true,
    observer: metrics.observer,
  });
  const partitionStorages = storages.map(({ backend }) => backend);
  metrics.observe(service, partitionStorages);
  const configuredQueues = new ConfiguredQueues({ ...world, service }, config.queues);

  let stopping: Promise<void> | undefined;
  const health = new HealthChecks({
    ...world,
    ...{ queueStore, queueStorage, freshForMs: HEALTH_FRESH_MS },
    storages: partitionStorages,
    partitions: () => service.partitions(),
    isStopping: () => stopping !== undefined,
  });
  const http = {
    ...{ routes: createRoutes(service), logger: world.logger },
    metrics: world.worker === undefined ? metrics : new WorkerMetrics(metrics),
  };
  const app = createApp({ ...http, health });

  const stop = async () => {
    configuredQueues.stop();
    metrics.stop();
    await service.shutdown();
    const backends = new Set([queueStorage, ...partitionStorages]);
    await Promise.all([...backends].map((backend) => backend.close()));
  };
  return {
    app,
    http: { ...http, app },
    service,
    configuredQueues,
    pools: () => pools.states(),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** A storage of its own, or one of those for items: then both share one backend and its connections. */
function createQueueStorage(
  config: Config,
  deps: DriverDeps,
  { metrics, storages }: { readonly metrics: Metrics; readonly storages: readonly PartitionStorage[] },
): StorageBackend {
  const chosen = config['queue-storage'];
  if ('driver' in chosen) return metrics.measure(createBackend('queue-storage', chosen, deps));
  const found = storages.find(({ backend }) => backend.name === chosen.partitionStorage);
  if (found === undefined) throw new Error(`no such storage: '${chosen.partitionStorage}'`);
  return found.backend;
}

function createBackend(
  name: string,
  { driver, config }: { readonly driver: string; readonly config: DriverConfig },
  deps: DriverDeps,
): StorageBackend {
  const found = DRIVERS.get(driver);
  if (found === undefined) throw new Error(`no such driver: '${driver}'`);
  return found.create(name, config, deps);
}
