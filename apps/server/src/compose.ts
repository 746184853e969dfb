import { RunOnce, SharedResources, type StorageBackend, within } from '@querator/core';
import {
  createService,
  type Instances,
  type PartitionStorage,
  type Service,
  type ServiceOptions,
} from '@querator/engine';
import { type PoolState, postgresPools } from '@querator/storage-postgres';
import type { Hono } from 'hono';
import { driverOf, type StorageDeps } from './backends.ts';
import { capabilitiesOf } from './capabilities.ts';
import { composeHttp } from './compose-http.ts';
import { alsoThere } from './config/also-there.ts';
import type { NamedStorage } from './config/queue-storage.ts';
import type { Config } from './config/schema.ts';
import { withDrivers } from './config/with-drivers.ts';
import { defaultMemoryBudget, MemoryBudget } from './http/budget/memory-budget.ts';
import type { AppEnv } from './http/fetch/app-env.ts';
import { HealthChecks } from './http/health/health.ts';
import type { HttpServerOptions } from './http/node/http-server.ts';
import { systemMonotonicClock } from './monotonic-clock.ts';
import { Metrics } from './observability/metrics.ts';
import type { Outboxes } from './outbox/outboxes.ts';
import type { ServerDeps } from './server-deps.ts';
import { ConfiguredQueues } from './startup/configured-queues.ts';
import { createAccessControl, namespaceCheck } from './startup/server-access.ts';
import { createServerAudit } from './startup/server-audit.ts';
import { createInstances } from './startup/server-instances.ts';
import { createOutboxes } from './startup/server-outboxes.ts';
import { admitFiring, createQuotas } from './startup/server-quotas.ts';
import { StoragePasswords } from './startup/storage-passwords.ts';

/** How long a start waits until requests can be judged. After that it goes on, and refuses them until then. */
const ACCESS_START_MS = 5_000;

/** How long the result of a storage check answers further requests for `/health`. */
const HEALTH_FRESH_MS = 1_000;

/** The parts of a server that does not listen yet. */
export interface Composition {
  readonly app: Hono<AppEnv>;
  /** The parts of the HTTP server around `app`. */
  readonly http: HttpServerOptions;
  /** The parts of the HTTP server of the operators' port, which has all pages. */
  readonly operatorsHttp: HttpServerOptions;
  readonly service: Service;
  /** The processes that serve the same queues. */
  readonly instances: Instances;
  readonly configuredQueues: ConfiguredQueues;
  readonly outboxes: Outboxes;
  /** The state of the connection pools. */
  readonly pools: () => readonly PoolState[];
  /** Uses the passwords of settings that were read again. */
  readonly renewPasswords: (config: Config) => void;
  /** Begins the work in the background that requests depend on, and waits for it a little. */
  readonly start: () => Promise<void>;
  /** Shuts the service down, then closes the storages. A second call returns the promise of the first. */
  stop(): Promise<void>;
}

/**
 * Creates the parts of a server from its settings, each after those that it
 * depends on. Touches no disk and no network.
 *
 * @throws ConfigError if a storage has no driver, or options that its driver refuses.
 */
export function compose(given: Config, deps: ServerDeps): Composition {
  const config = withDrivers(given, deps.drivers);
  const storageDeps: StorageDeps = { ...deps, shared: new SharedResources() };
  const pools = postgresPools(storageDeps);
  const passwords = new StoragePasswords(config, storageDeps);
  const monotonicClock = deps.monotonicClock ?? systemMonotonicClock;

  const metrics = new Metrics({ ...deps, monotonicClock, pools: () => pools.states() });

  const storages = createPartitionStorages(config, storageDeps, metrics);
  const queueStorage = createQueueStorage(config, storageDeps, { metrics, storages });

  const budget = createBudget(config, deps);
  const service = createService({
    ...deps,
    itemBudget: budget.itemBudget,
    hasNamespace: namespaceCheck(queueStorage),
    ...requirements(config, () => instances),
    ...storesOf(queueStorage),
    admitFiring: (firing) => quotas && admitFiring(quotas, firing),
    admitMove: ({ namespace, ...brings }) => quotas?.enter(namespace, brings),
    storages,
    waitForStorage: true,
    ...{ observer: metrics.observer, tracer: deps.tracing?.statements(driverNames(config)) },
  });
  const quotas = createQuotas(config, { ...deps, monotonicClock, service, instances: () => instances });
  const access = createAccessControl(config, { ...deps, monotonicClock, queueStorage, quotas });
  const audit = createServerAudit(config, { ...deps, monotonicClock, queueStorage });
  const capabilities = capabilitiesOf(config, access, { audit: audit?.service, quotas, queueStorage });
  const instances = createInstances(config, { ...deps, queueStorage }, capabilities);
  const partitionStorages = storages.map(({ backend }) => backend);
  const relayed = { service, access, quotas, metrics, storages: partitionStorages };
  const outboxes = createOutboxes(config, { ...storageDeps, monotonicClock, ...relayed });
  metrics.observe(service, partitionStorages);
  const configuredQueues = new ConfiguredQueues({ ...deps, service }, config.queues);

  const stopping = new RunOnce(async () => {
    configuredQueues.stop();
    metrics.stop();
    await outboxes.stop();
    await quotas?.stop();
    await service.shutdown();
    await audit?.stop();
    await instances.stop();
    await access?.stop();
    const backends = new Set([queueStorage, ...partitionStorages]);
    await Promise.all([...backends].map((backend) => backend.close()));
  });
  const health = new HealthChecks({
    ...deps,
    queueStore: queueStorage.queueStore(),
    queueStorage,
    freshForMs: HEALTH_FRESH_MS,
    storages: partitionStorages,
    partitions: () => service.partitions(),
    instances: () => instances.list(),
    outboxes: () => outboxes.states(),
    drains: () => service.drains.states(),
    isStopping: () => stopping.hasBegun,
  });
  const parts = { metrics, health, service, instances, access, audit, quotas, budget, queueStorage };
  const http = composeHttp(config, deps, { ...parts, monotonicClock, pools });

  return {
    app: http.main.app,
    http: http.main,
    operatorsHttp: http.operators,
    service,
    instances,
    configuredQueues,
    outboxes,
    start: async () => {
      instances.start();
      audit?.start();
      startWork(service);
      if (access !== undefined) await within(deps.clock, ACCESS_START_MS, access.start());
    },
    pools: () => pools.states(),
    renewPasswords: (changed) => passwords.renew(changed),
    stop: () => stopping.run(),
  };
}

/** The names of drivers, by the names of their storages. */
function driverNames(config: Config): ReadonlyMap<string, string> {
  return new Map(config['partition-storage'].map(({ name, driver }) => [name, driver]));
}

/** Begins the work in the background that no caller waits for. */
function startWork({ schedules, tasks, drains }: Service): void {
  schedules.start();
  tasks.start();
  drains.start();
}

/** What the engine asks of the settings, and of the other processes, which are known once the service is made. */
function requirements(
  config: Config,
  instances: () => Instances,
): Pick<ServiceOptions, 'requireCapability' | 'requireStorage' | 'instances' | 'alsoOn'> {
  return {
    instances: () => instances().list(),
    alsoOn: async (storage) => alsoThere(config, storage),
    requireCapability: (capability) => instances().require(capability),
    requireStorage: (storage) => instances().requireStorage(storage),
  };
}

/** What the storage of the queues keeps for the engine. */
function storesOf(queueStorage: StorageBackend) {
  return {
    queueStore: queueStorage.queueStore(),
    queueSignals: queueStorage.signals,
    scheduleStore: queueStorage.scheduleStore?.(),
    taskStore: queueStorage.taskStore?.(),
    rateStore: queueStorage.rateStore?.(),
  };
}

function createBudget(config: Config, { processLimits, logger }: ServerDeps): MemoryBudget {
  const bytes = config['memory-budget'] ?? defaultMemoryBudget(processLimits?.heapBytes);
  return new MemoryBudget(bytes, logger);
}

function createPartitionStorages(config: Config, deps: StorageDeps, metrics: Metrics): PartitionStorage[] {
  return config['partition-storage'].map((storage) => ({
    backend: metrics.measure(createBackend(config, storage, deps)),
    affinity: storage.affinity,
    drain: storage.drain,
  }));
}

/** Queues have a storage of their own, or share the backend and the connections of a partition storage. */
function createQueueStorage(
  config: Config,
  deps: StorageDeps,
  { metrics, storages }: { readonly metrics: Metrics; readonly storages: readonly PartitionStorage[] },
): StorageBackend {
  const chosen = config['queue-storage'];
  if ('driver' in chosen)
    return metrics.measure(createBackend(config, { name: 'queue-storage', ...chosen }, deps));
  const found = storages.find(({ backend }) => backend.name === chosen.partitionStorage);
  if (found === undefined) throw new Error(`no such storage: '${chosen.partitionStorage}'`);
  return found.backend;
}

function createBackend(config: Config, storage: NamedStorage, deps: StorageDeps): StorageBackend {
  return driverOf(config, storage).create({ ...deps, name: storage.name });
}
