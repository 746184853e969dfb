import { type Clock, type Logger, type Random, RunOnce, type StorageBackend } from '@querator/core';
import { createService, type PartitionStorage, type Service } from '@querator/engine';
import { PoolRegistry, type PoolState } from '@querator/storage-postgres';
import type { Hono } from 'hono';
import { DRIVERS, type DriverConfig, type DriverDeps } from './backends.ts';
import type { Config } from './config/schema.ts';
import { defaultMemoryBudget, MemoryBudget } from './http/budget/memory-budget.ts';
import { checkAuthorization } from './http/call/authorization.ts';
import { type AuthorizePage, allowEveryPage } from './http/call/authorize-page.ts';
import { CallPipeline } from './http/call/call-pipeline.ts';
import { SourceRules } from './http/call/source-rules.ts';
import { createApp } from './http/fetch/app.ts';
import type { AppEnv } from './http/fetch/app-env.ts';
import { createPages } from './http/fetch/pages.ts';
import { createRoutes } from './http/handlers/routes.ts';
import { HealthChecks } from './http/health/health.ts';
import { Connections } from './http/node/connections.ts';
import type { HttpServerOptions } from './http/node/http-server.ts';
import { type MonotonicClock, systemMonotonicClock } from './monotonic-clock.ts';
import { Metrics } from './observability/metrics.ts';
import { connectionLimits, type ProcessLimits } from './observability/process-limits.ts';
import { ConfiguredQueues } from './startup/configured-queues.ts';
import { AllWorkers } from './workers/all-workers.ts';
import { WorkerMetrics } from './workers/worker-metrics.ts';

/** The number of connections that the operators' port serves at a time. They are not among the others. */
const OPERATORS_CONNECTIONS = 100;

/** How long the result of a storage check answers further requests for `/health`. */
const HEALTH_FRESH_MS = 1_000;

/** A server is ready if queues can be listed, and at least one partition storage can serve. */
const READY = new URLSearchParams({ requireStorage: 'one' });

/** The dependencies of a server. A test passes other values than a process does. */
export interface ServerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Measures how long requests take. Undefined: the clock of the process. */
  readonly monotonicClock?: MonotonicClock;
  /** The limits of the process. Undefined: they are not watched, as where several servers share a process. */
  readonly processLimits?: ProcessLimits;
  /** Whether this is the only server of its process. Then its metrics include those of the process. */
  readonly ofProcess?: boolean;
  /** The name of this process among several on one port. */
  readonly worker?: string;
  /** Checks who may see metrics and the details of health. Undefined: everybody may. */
  readonly authorizePage?: AuthorizePage;
}

/** The parts of a server that does not listen yet. */
export interface Composition {
  readonly app: Hono<AppEnv>;
  /** The parts of the HTTP server around `app`. */
  readonly http: HttpServerOptions;
  /** The parts of the HTTP server of the operators' port, which has all pages. */
  readonly operatorsHttp: HttpServerOptions;
  readonly service: Service;
  readonly configuredQueues: ConfiguredQueues;
  /** The state of the connection pools. */
  readonly pools: () => readonly PoolState[];
  /** Shuts the service down, then closes the storages. A second call returns the promise of the first. */
  stop(): Promise<void>;
}

/**
 * Creates the parts of a server from its settings, each after those that it
 * depends on. Touches no disk and no network.
 */
export function compose(config: Config, deps: ServerDeps): Composition {
  const pools = new PoolRegistry({ logger: deps.logger, clock: deps.clock, random: deps.random });
  const driverDeps: DriverDeps = { ...deps, pools };
  const monotonicClock = deps.monotonicClock ?? systemMonotonicClock;

  const metrics = new Metrics({ ...deps, monotonicClock, pools: () => pools.states() });

  const storages = config['partition-storage'].map((storage) => ({
    backend: metrics.measure(createBackend(storage.name, storage, driverDeps)),
    affinity: storage.affinity,
  }));
  const queueStorage = createQueueStorage(config, driverDeps, { metrics, storages });

  const queueStore = queueStorage.queueStore();
  const budget = createBudget(config, deps);
  const service = createService({
    ...deps,
    itemBudget: budget.itemBudget,
    queueStore,
    queueSignals: queueStorage.signals,
    storages,
    waitForStorage: true,
    observer: metrics.observer,
  });
  const partitionStorages = storages.map(({ backend }) => backend);
  metrics.observe(service, partitionStorages);
  const configuredQueues = new ConfiguredQueues({ ...deps, service }, config.queues);

  const stopping = new RunOnce(async () => {
    configuredQueues.stop();
    metrics.stop();
    await service.shutdown();
    const backends = new Set([queueStorage, ...partitionStorages]);
    await Promise.all([...backends].map((backend) => backend.close()));
  });
  const health = new HealthChecks({
    ...deps,
    queueStore,
    queueStorage,
    freshForMs: HEALTH_FRESH_MS,
    storages: partitionStorages,
    partitions: () => service.partitions(),
    isStopping: () => stopping.hasBegun,
  });
  const { logger } = deps;
  const isReadyItself = async () => (await health.check(READY)).status === 'pass';
  const all = deps.worker === undefined ? undefined : allWorkers({ metrics, isReady: isReadyItself }, deps);
  const httpMetrics = all === undefined ? metrics : new WorkerMetrics(metrics, all);
  const sources = new SourceRules({
    allowedHosts: config['allowed-hosts'],
    corsOrigins: config['cors-origins'],
  });
  const calls = new CallPipeline({
    sources,
    authenticate: checkAuthorization,
    metrics: httpMetrics,
    logger,
    monotonicClock,
  });
  const routes = createRoutes(service);
  const { connections, ofOperators } = createConnections(config, { ...deps, budget, pools: pools.states() });
  metrics.observeLoad({ budget, connections });
  const pages = createPages({
    health,
    metrics: httpMetrics,
    isReady: async () => ((await all?.ask('readiness')) ?? (await isReadyItself())) === true,
    authorize: deps.authorizePage ?? allowEveryPage,
  });
  const hasOperatorsPort = config['admin-address'] !== undefined;
  const app = createApp({ routes, calls, budget, pages: hasOperatorsPort ? new Map() : pages });
  const http = { routes, calls, budget, logger };

  return {
    app,
    http: { ...http, app, connections },
    operatorsHttp: {
      ...http,
      app: hasOperatorsPort ? createApp({ routes, calls, budget, pages }) : app,
      connections: ofOperators,
    },
    service,
    configuredQueues,
    pools: () => pools.states(),
    stop: () => stopping.run(),
  };
}

function createBudget(config: Config, { processLimits }: ServerDeps): MemoryBudget {
  return new MemoryBudget(config['memory-budget'] ?? defaultMemoryBudget(processLimits?.heapBytes));
}

function createConnections(
  config: Config,
  deps: ServerDeps & { readonly budget: MemoryBudget; readonly pools: readonly PoolState[] },
) {
  const operators = { target: 'operators', maxConns: OPERATORS_CONNECTIONS };
  const reserved = config['admin-address'] === undefined ? deps.pools : [...deps.pools, operators];
  const limits = connectionLimits(config['max-connections'], deps.processLimits, reserved);
  return {
    connections: new Connections({ ...deps, limits }),
    ofOperators: new Connections({ ...deps, limits: { served: OPERATORS_CONNECTIONS } }),
  };
}

function allWorkers(
  { metrics, isReady }: { readonly metrics: Metrics; readonly isReady: () => Promise<boolean> },
  { clock }: ServerDeps,
): AllWorkers {
  return new AllWorkers({ metrics: () => metrics.values(), readiness: isReady }, clock);
}

/** Queues have a storage of their own, or share the backend and the connections of a partition storage. */
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
