import type { Clock } from '@querator/core';
import { silentLogger } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import type { Service } from '@querator/engine';
import { checkAuthorization } from '../../src/http/call/authorization.ts';
import { CallPipeline, type CallPipelineDeps } from '../../src/http/call/call-pipeline.ts';
import { SourceRules, type SourceRulesOptions } from '../../src/http/call/source-rules.ts';
import { createApp } from '../../src/http/fetch/app.ts';
import { createPages } from '../../src/http/fetch/pages.ts';
import { createRoutes } from '../../src/http/handlers/routes.ts';
import type { HttpServerOptions } from '../../src/http/node/http-server.ts';
import { systemMonotonicClock } from '../../src/monotonic-clock.ts';
import { Metrics } from '../../src/observability/metrics.ts';

/** The HTTP side of a server, around a service that a test made. */
export interface HttpFixture extends HttpServerOptions {
  readonly metrics: Metrics;
}

/** Puts the HTTP side together. Its health check always passes. */
export function httpFixture(
  service: Service,
  clock: Clock,
  authenticate: CallPipelineDeps['authenticate'] = checkAuthorization,
  rules: Partial<SourceRulesOptions> = {},
): HttpFixture {
  const monotonicClock = systemMonotonicClock;
  const metrics = new Metrics({ clock, monotonicClock, random: new SeededRandom(), pools: () => [] });
  const sources = new SourceRules({ allowedHosts: [], corsOrigins: [], ...rules });
  const calls = new CallPipeline({ sources, authenticate, metrics, logger: silentLogger, monotonicClock });
  const routes = createRoutes(service);
  const health = { check: async () => ({ status: 'pass', version: '', checks: {} }) as const };
  const pages = createPages({ health, metrics, isReady: async () => true, authorize: () => undefined });
  const app = createApp({ routes, calls, pages });
  return { app, routes, calls, logger: silentLogger, metrics };
}
