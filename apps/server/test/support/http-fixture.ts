import type { Quotas } from '@querator/access';
import { type Clock, type Logger, silentLogger } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import type { Service } from '@querator/engine';
import type { AuditTable } from '../../src/audit/audit-table.ts';
import { MemoryBudget } from '../../src/http/budget/memory-budget.ts';
import { Audit } from '../../src/http/call/audit.ts';
import { CallPipeline } from '../../src/http/call/call-pipeline.ts';
import { CallQuotas } from '../../src/http/call/call-quotas.ts';
import { ClientAddresses } from '../../src/http/call/client-addresses.ts';
import type { Gate } from '../../src/http/call/gate.ts';
import { OpenGate } from '../../src/http/call/open-gate.ts';
import { RequestIds } from '../../src/http/call/request-ids.ts';
import { SourceRules, type SourceRulesOptions } from '../../src/http/call/source-rules.ts';
import { createApp } from '../../src/http/fetch/app.ts';
import { createPages } from '../../src/http/fetch/pages.ts';
import { createRoutes } from '../../src/http/handlers/routes.ts';
import { type ConnectionLimits, Connections } from '../../src/http/node/connections.ts';
import type { HttpServerOptions } from '../../src/http/node/http-server.ts';
import { systemMonotonicClock } from '../../src/monotonic-clock.ts';
import { Metrics } from '../../src/observability/metrics.ts';
import { loneInstances } from './lone-instances.ts';

/** The HTTP side of a server, around a service that a test made. */
export interface HttpFixture extends HttpServerOptions {
  readonly metrics: Metrics;
}

/** What differs from a server with default settings. */
export interface HttpFixtureOptions {
  readonly gate?: Gate;
  readonly rules?: Partial<SourceRulesOptions>;
  readonly budget?: MemoryBudget;
  readonly limits?: ConnectionLimits;
  readonly logger?: Logger;
  /** Gets the audit. Undefined: there is none. */
  readonly auditLogger?: Logger;
  /** Stores the audit. Undefined: it is not stored. */
  readonly auditTable?: AuditTable;
  /** Undefined: there are none. */
  readonly quotas?: Quotas;
}

/** Puts the HTTP side together. Its health check always passes. */
export function httpFixture(
  service: Service,
  clock: Clock,
  {
    gate = new OpenGate(),
    rules = {},
    budget = new MemoryBudget(160_000_000),
    limits = { served: 1_000 },
    logger = silentLogger,
    auditLogger,
    auditTable: table,
    quotas,
  }: HttpFixtureOptions = {},
): HttpFixture {
  const monotonicClock = systemMonotonicClock;
  const metrics = new Metrics({ clock, monotonicClock, random: new SeededRandom(), pools: () => [] });
  const sources = new SourceRules({ allowedHosts: [], corsOrigins: [], ...rules });
  const requestIds = new RequestIds(new SeededRandom());
  const deps = { metrics, logger: silentLogger, requestIds, monotonicClock };
  const { namespaceOf } = service;
  const addresses = new ClientAddresses([]);
  const audited = { logger: auditLogger, table, random: new SeededRandom(), namespaceOf, addresses };
  const audit = auditLogger === undefined && table === undefined ? undefined : new Audit(audited);
  const callQuotas = quotas && new CallQuotas({ quotas, clock, namespaceOf });
  const calls = new CallPipeline({ sources, gate, audit, quotas: callQuotas, ...deps });
  const routes = createRoutes(service, undefined, loneInstances(clock));
  const health = { check: async () => ({ status: 'pass', version: '', checks: {} }) as const };
  const pages = createPages({ health, metrics, isReady: async () => true, authorize: () => undefined });
  const app = createApp({ routes, calls, budget, pages });
  const connections = new Connections({ clock, budget, limits, logger });
  metrics.observeLoad({ budget, connections });
  return { app, routes, calls, budget, connections, logger, metrics };
}
