import type { AccessControl, Quotas } from '@querator/access';
import { consoleFolder } from '@querator/console';
import type { StorageBackend } from '@querator/core';
import type { Instances, Service } from '@querator/engine';
import type { PoolRegistry, PoolState } from '@querator/storage-postgres';
import { describedStorages } from './config/described-storages.ts';
import type { Config } from './config/schema.ts';
import { createApiDocs } from './http/api-docs/api-docs.ts';
import type { MemoryBudget } from './http/budget/memory-budget.ts';
import { Audit } from './http/call/audit.ts';
import { allowEveryPage, authorizePagesBy } from './http/call/authorize-page.ts';
import { CallPipeline } from './http/call/call-pipeline.ts';
import { CallQuotas } from './http/call/call-quotas.ts';
import { ClientAddresses } from './http/call/client-addresses.ts';
import { RequestIds } from './http/call/request-ids.ts';
import { RequestLog } from './http/call/request-log.ts';
import { SourceRules } from './http/call/source-rules.ts';
import { ConsolePages } from './http/console/console-pages.ts';
import { createApp } from './http/fetch/app.ts';
import { createPages } from './http/fetch/pages.ts';
import { createRoutes } from './http/handlers/routes.ts';
import type { HealthChecks } from './http/health/health.ts';
import { Connections } from './http/node/connections.ts';
import type { HttpServerOptions } from './http/node/http-server.ts';
import type { MonotonicClock } from './monotonic-clock.ts';
import type { Metrics } from './observability/metrics.ts';
import { connectionLimits } from './observability/process-limits.ts';
import type { ServerDeps } from './server-deps.ts';
import { createGate, createSessions } from './startup/server-access.ts';
import type { ServerAudit } from './startup/server-audit.ts';
import { VERSION } from './version.ts';
import { AllWorkers } from './workers/all-workers.ts';
import { WorkerMetrics } from './workers/worker-metrics.ts';

/** The number of connections that the operators' port serves at a time. They are not among the others. */
const OPERATORS_CONNECTIONS = 100;

/** A server is ready if queues can be listed, and at least one partition storage can serve. */
const READY = new URLSearchParams({ requireStorage: 'one' });

/** The parts of a server that its HTTP side serves. */
export interface ServedParts {
  readonly metrics: Metrics;
  readonly health: HealthChecks;
  readonly service: Service;
  readonly instances: Instances;
  /** Undefined: the storage of the queues cannot keep users. */
  readonly access: AccessControl | undefined;
  /** Undefined: audit events are not stored. */
  readonly audit: ServerAudit | undefined;
  /** Undefined: they are not in use. */
  readonly quotas: Quotas | undefined;
  readonly queueStorage: StorageBackend;
  readonly budget: MemoryBudget;
  readonly monotonicClock: MonotonicClock;
  readonly pools: PoolRegistry;
}

/** The HTTP side of a server: what its port serves, and what the operators' port does. */
export interface ComposedHttp {
  readonly main: HttpServerOptions;
  /** The same as `main`, besides its connections, if there is no port for operators. */
  readonly operators: HttpServerOptions;
}

/** Creates the HTTP side of a server that does not listen yet. */
export function composeHttp(config: Config, deps: ServerDeps, parts: ServedParts): ComposedHttp {
  const { metrics, health, service, instances, access, audit, quotas, budget } = parts;
  const { monotonicClock, pools } = parts;
  const { logger, tracing } = deps;
  const isReadyItself = async () => (await health.check(READY)).status === 'pass';
  const all = deps.worker === undefined ? undefined : allWorkers({ metrics, isReady: isReadyItself }, deps);
  const httpMetrics = all === undefined ? metrics : new WorkerMetrics(metrics, all);
  const sources = new SourceRules({
    allowedHosts: config['allowed-hosts'],
    corsOrigins: config['cors-origins'],
  });
  const addresses = new ClientAddresses(config['trusted-proxies']);
  const sessions = createSessions(config, { ...deps, queueStorage: parts.queueStorage });
  const gate = createGate(access, service, { clock: deps.clock, addresses, sessions });
  const calls = new CallPipeline({
    sources,
    gate,
    quotas: quotas && new CallQuotas({ quotas, clock: deps.clock, namespaceOf: service.namespaceOf }),
    metrics: httpMetrics,
    logger,
    requestIds: new RequestIds(deps.random),
    requestLog: createRequestLog(config, deps, monotonicClock),
    audit: createAudit(config, deps, { ...parts, addresses }),
    tracing: tracing?.calls,
    monotonicClock,
  });
  const storages = describedStorages(config);
  const partitionCounts = () => parts.queueStorage.queueStore().partitionCounts();
  const storageStates = { health, partitionCounts };
  const inUse = { audit: audit?.service, quotas, sessions, storages, storageStates };
  const routes = createRoutes(service, access, instances, inUse);
  const { connections, ofOperators } = createConnections(config, { ...deps, budget, pools: pools.states() });
  metrics.observeLoad({ budget, connections });
  if (quotas !== undefined) metrics.observeQuotas(quotas);
  if (tracing !== undefined) metrics.observeSpans(() => tracing.counts());
  const pages = createPages({
    health,
    metrics: httpMetrics,
    isReady: async () => ((await all?.ask('readiness')) ?? (await isReadyItself())) === true,
    authorize: deps.authorizePage ?? (access?.enforced === true ? authorizePagesBy(gate) : allowEveryPage),
  });
  const hasOperatorsPort = config['admin-address'] !== undefined;
  const apiDocs = config['api-docs'] ? createApiDocs() : new Map();
  const allPages = new Map([...apiDocs, ...pages]);
  const console = createConsole(config, deps, access);
  const ofApp = { routes, calls, budget };
  const app = hasOperatorsPort
    ? createApp({ ...ofApp, pages: apiDocs })
    : createApp({ ...ofApp, pages: allPages, console });
  const http = { routes, calls, budget, logger };

  return {
    main: { ...http, app, connections },
    operators: {
      ...http,
      app: hasOperatorsPort ? createApp({ ...ofApp, pages: allPages, console }) : app,
      connections: ofOperators,
    },
  };
}

/** The console for operators. Undefined: it is off. */
function createConsole(
  { console: { enabled, path }, 'api-docs': apiDocs }: Config,
  { consoleFolder: folder = consoleFolder }: ServerDeps,
  access: AccessControl | undefined,
): ConsolePages | undefined {
  if (!enabled) return undefined;
  const accessControl = access?.enforced === true;
  return new ConsolePages(path, folder, { version: VERSION, accessControl, apiDocs });
}

function createRequestLog(
  { logging }: Config,
  { logger, requestLogger = logger }: ServerDeps,
  monotonicClock: MonotonicClock,
): RequestLog | undefined {
  return logging['request-log'] ? new RequestLog(requestLogger, monotonicClock) : undefined;
}

/** The parts that an audit depends on. */
interface AuditedParts extends Pick<ServedParts, 'access' | 'audit' | 'service'> {
  readonly addresses: ClientAddresses;
}

/** Access control makes callers known, so it switches the audit on, unless the configuration says otherwise. */
function createAudit(
  { audit: { log } }: Config,
  { logger, requestLogger = logger, random }: ServerDeps,
  { access, audit, service, addresses }: AuditedParts,
): Audit | undefined {
  const isLogged = log ?? access?.enforced === true;
  const table = audit?.table;
  if (!isLogged && table === undefined) return undefined;
  const { namespaceOf } = service;
  return new Audit({ logger: isLogged ? requestLogger : undefined, table, random, addresses, namespaceOf });
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
