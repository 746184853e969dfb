import { type Context, Hono } from 'hono';
import type { Metrics } from '../../observability/metrics.ts';
import { AdmittedCall } from '../call/admitted-call.ts';
import { ANSWER_HEADERS, type Answer } from '../call/answer.ts';
import type { Admission, CallPipeline } from '../call/call-pipeline.ts';
import type { Route, Routes } from '../call/route.ts';
import type { Health, HealthChecks } from '../health/health.ts';
import type { AppEnv } from './app-env.ts';
import { bodyOf } from './body-of.ts';
import { FetchCallContext } from './fetch-call-context.ts';
import { headersOf } from './headers-of.ts';

/** The parts of the HTTP application. */
export interface AppOptions {
  readonly routes: Routes;
  readonly calls: CallPipeline;
  readonly health: Pick<HealthChecks, 'check'>;
  readonly metrics: Pick<Metrics, 'exposition'>;
}

/** The HTTP side of the server as a fetch function: health, metrics, and every call. */
export function createApp({ routes, calls, health, metrics }: AppOptions): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ getPath });

  const serve = (c: Context<AppEnv>, route: Route | undefined) => {
    const admission = c.env?.admission ?? calls.admit(c.req.method, c.req.path, route, headersOf(c));
    if (!(admission instanceof Promise)) return proceed(c, admission);
    return admission.then((settled) => proceed(c, settled));
  };
  const proceed = (c: Context<AppEnv>, admission: Admission) =>
    admission instanceof AdmittedCall ? run(c, admission) : responseOf(admission);
  const run = async (c: Context<AppEnv>, call: AdmittedCall) =>
    responseOf(await calls.run(call, bodyOf(c, call.route.endpoint.bodyLimit), new FetchCallContext(c)));
  const refuse = (c: Context<AppEnv>, error: unknown) =>
    responseOf(calls.refuse(error, c.req.path, c.req.header('accept')));
  // Hono answers HEAD from GET routes. Here HEAD is refused like any other method that is not POST.
  const getOnly = (get: (c: Context<AppEnv>) => Promise<Response>) => (c: Context<AppEnv>) =>
    c.req.method === 'GET' ? get(c) : serve(c, undefined);

  app.get(
    '/health',
    getOnly(async (c) => healthReply(await health.check(new URL(c.req.url).searchParams))),
  );
  app.get(
    '/metrics',
    getOnly(async () => metricsReply(await metrics.exposition())),
  );
  for (const [path, route] of routes) app.post(path, (c) => serve(c, route));
  // No wildcard route: Hono runs a chain of functions for a request that two routes match.
  app.notFound((c) => serve(c, undefined));
  app.onError((error, c) => refuse(c, error));
  return app;
}

function responseOf({ status, format, body, headers }: Answer): Response {
  return new Response(body, { status, headers: { ...ANSWER_HEADERS[format], ...headers } });
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
 * The path as the client sent it. Paths match exactly, so nothing is decoded
 * and no dot segment is resolved, as the `URL` class does.
 */
function getPath(request: Request, options?: { env?: AppEnv['Bindings'] }): string {
  const target = options?.env?.incoming?.url ?? request.url;
  const start = target.startsWith('/') ? 0 : target.indexOf('/', target.indexOf('://') + 3);
  if (start < 0) return '/';
  const query = target.indexOf('?', start);
  return query < 0 ? target.slice(start) : target.slice(start, query);
}
