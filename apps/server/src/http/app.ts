import type { HttpBindings } from '@hono/node-server';
import type { Logger } from '@querator/core';
import type { Service } from '@querator/engine';
import { methodNotAllowed, unknownMethod } from '@querator/protocol';
import { type Context, Hono } from 'hono';
import { checkAuthorization } from './authorization.ts';
import { createRoutes } from './endpoints.ts';
import { handle } from './handle.ts';
import type { Health } from './health.ts';
import { refuse } from './reply.ts';

/** Under Node's server a request brings the original streams along; in process there may be nothing. */
export type AppEnv = { Bindings: Partial<HttpBindings> };

/** What the HTTP application is made of. */
export interface AppOptions {
  readonly service: Service;
  readonly health: () => Promise<Health>;
  readonly logger: Logger;
}

/**
 * The HTTP side of the server, as a fetch function. Requests are looked at in
 * the order of wire.md, section 1: health, method, authorization, path, body.
 */
export function createApp({ service, health, logger }: AppOptions): Hono<AppEnv> {
  const routes = createRoutes(service);
  const app = new Hono<AppEnv>({ getPath });

  const answer = async (c: Context<AppEnv>): Promise<Response> => {
    const { method } = c.req;
    if (method !== 'POST') return refuse(c, methodNotAllowed(method), logger);
    try {
      checkAuthorization(c.req.header('authorization'));
    } catch (error) {
      return refuse(c, error, logger);
    }
    const route = routes.get(c.req.path);
    return route === undefined ? refuse(c, unknownMethod(c.req.path), logger) : handle(c, route, logger);
  };

  app.get('/health', async (c) => {
    // Hono answers HEAD from the GET route; here HEAD is a method like any other that is not POST.
    if (c.req.method !== 'GET') return answer(c);
    const result = await health();
    return new Response(`${JSON.stringify(result)}\n`, {
      status: result.status === 'pass' ? 200 : 503,
      headers: { 'Content-Type': 'application/health+json' },
    });
  });
  for (const path of routes.keys()) app.post(path, answer);
  app.all('*', answer);
  app.onError((error, c) => refuse(c, error, logger));
  return app;
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
