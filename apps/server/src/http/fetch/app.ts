import type { HttpBindings } from '@hono/node-server';
import type { Logger } from '@querator/core';
import { methodNotAllowed, unknownMethod } from '@querator/protocol';
import { type Context, Hono } from 'hono';
import type { Metrics } from '../../observability/metrics.ts';
import { refuse } from '../call/answer.ts';
import { checkAuthorization } from '../call/authorization.ts';
import { type CallHeaders, callHeaders } from '../call/call-headers.ts';
import type { Route } from '../handlers/routes.ts';
import type { Health, HealthChecks } from '../health/health.ts';
import { handle } from './handle.ts';

/** Under Node's server a request brings the original streams along; in process there may be nothing. */
export type AppEnv = { Bindings: Partial<HttpBindings> };

/** What the HTTP application is made of. */
export interface AppOptions {
  /** Every call that is served, by its path. */
  readonly routes: ReadonlyMap<string, Route>;
  readonly health: Pick<HealthChecks, 'look'>;
  readonly metrics: Pick<Metrics, 'answered' | 'exposition'>;
  readonly logger: Logger;
}

/**
 * The HTTP side of the server, as a fetch function. Requests are looked at in
 * the order of wire.md, section 1: health and metrics, method, authorization,
 * path, body.
 */
export function createApp({ routes, health, metrics, logger }: AppOptions): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ getPath });
  type Serve = (c: Context<AppEnv>, headers: CallHeaders) => Response | Promise<Response>;

  const guarded = (serve: Serve) => (c: Context<AppEnv>) => {
    try {
      if (c.req.method !== 'POST') throw methodNotAllowed(c.req.method);
      const headers = callHeaders(c);
      checkAuthorization(headers.authorization);
      return serve(c, headers);
    } catch (error) {
      return refuse(c, error, logger);
    }
  };
  const unknown = guarded((c) => refuse(c, unknownMethod(c.req.path), logger));
  // Hono answers HEAD from GET routes; here HEAD is a method like any other that is not POST.
  const getOnly = (serve: (c: Context<AppEnv>) => Promise<Response>) => (c: Context<AppEnv>) =>
    c.req.method === 'GET' ? serve(c) : unknown(c);

  app.get(
    '/health',
    getOnly(async (c) => {
      try {
        return healthReply(await health.look(new URL(c.req.url).searchParams));
      } catch (error) {
        return refuse(c, error, logger);
      }
    }),
  );
  app.get(
    '/metrics',
    getOnly(async () => metricsReply(await metrics.exposition())),
  );
  for (const [path, route] of routes) {
    app.post(
      path,
      guarded(async (c, headers) => {
        const started = performance.now();
        const response = await handle(c, headers, route, logger);
        metrics.answered(path, response.status, (performance.now() - started) / 1_000);
        return response;
      }),
    );
  }
  // Not a route for everything: a request that two routes match costs Hono a chain of calls.
  app.notFound(unknown);
  app.onError((error, c) => refuse(c, error, logger));
  return app;
}

function healthReply(health: Health): Response {
  return new Response(`${JSON.stringify(health)}\n`, {
    status: health.status === 'pass' ? 200 : 503,
    headers: { 'Content-Type': 'application/health+json' },
  });
}

function metricsReply({
  text,
  contentType,
}: {
  readonly text: string;
  readonly contentType: string;
}): Response {
  return new Response(text, { headers: { 'Content-Type': contentType } });
}

/**
 * The path as it was sent: paths match exactly or not at all, so nothing may
 * be decoded, and no dot segment resolved, as making a URL of it does.
 */
function getPath(request: Request, options?: { env?: AppEnv['Bindings'] }): string {
  const target = options?.env?.incoming?.url ?? request.url;
  const start = target.startsWith('/') ? 0 : target.indexOf('/', target.indexOf('://') + 3);
  if (start < 0) return '/';
  const query = target.indexOf('?', start);
  return query < 0 ? target.slice(start) : target.slice(start, query);
}
