import { type Context, Hono } from 'hono';
import type { MemoryBudget } from '../budget/memory-budget.ts';
import { ReceivedBody } from '../budget/received-body.ts';
import { AdmittedCall } from '../call/admitted-call.ts';
import type { Answer } from '../call/answer.ts';
import type { CallHeaders } from '../call/call-headers.ts';
import type { Admission, CallPipeline } from '../call/call-pipeline.ts';
import { pathOf } from '../call/request-path.ts';
import type { Route, Routes } from '../call/route.ts';
import type { AppEnv } from './app-env.ts';
import { bodyOf } from './body-of.ts';
import { FetchCallContext } from './fetch-call-context.ts';
import { headersOf } from './headers-of.ts';
import type { Page, PageRequest, Pages, PagesBelow } from './pages.ts';
import { responseOf } from './response-of.ts';

/** The parts of the HTTP application. */
export interface AppOptions {
  readonly routes: Routes;
  readonly calls: CallPipeline;
  readonly budget: MemoryBudget;
  /** The path of a page that is not among them is an unknown path. */
  readonly pages: Pages;
  /** Undefined: there is none. */
  readonly console?: PagesBelow | undefined;
}

/** The HTTP side of the server as a fetch function: pages, and every call. */
export function createApp({ routes, calls, budget, pages, console }: AppOptions): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ getPath });

  const serve = (c: Context<AppEnv>, route: Route | undefined) => {
    const admission =
      c.env?.admission ?? calls.admit(c.req.method, c.req.path, route, headersOf(c), cameOnLoopback(c));
    if (!(admission instanceof Promise)) return proceed(c, admission);
    return admission.then((settled) => proceed(c, settled));
  };
  const proceed = (c: Context<AppEnv>, admission: Admission) =>
    admission instanceof AdmittedCall ? run(c, admission) : sent(admission);
  // Not an async function, which would keep the body in memory until the answer.
  const run = (c: Context<AppEnv>, call: AdmittedCall) => {
    const { endpoint } = call.route;
    const body = new ReceivedBody(budget.ofCall(endpoint), endpoint.bodyLimit);
    const answering = calls.run(call, bodyOf(c, body), new FetchCallContext(c, call));
    return answering.finally(() => body.release()).then(sent);
  };
  // Hono answers HEAD from GET routes, without the body.
  for (const [path, show] of pages) {
    app.get(path, async (c) => {
      const headers = headersOf(c);
      const refused = calls.refusePage(path, headers, { onLoopback: cameOnLoopback(c) });
      if (refused !== undefined) return responseOf(refused);
      return pageResponse(await show(pageRequest(c, headers)), calls.replyHeaders(headers));
    });
  }
  if (console !== undefined) {
    // The wildcard matches the path itself too.
    app.get(`${console.path}/*`, async (c) => {
      const headers = headersOf(c);
      const { path } = c.req;
      const source = { onLoopback: cameOnLoopback(c), fromAnywhere: true };
      const refused = calls.refusePage(path, headers, source);
      if (refused !== undefined) return responseOf(refused);
      const name = path.length === console.path.length ? undefined : path.slice(console.path.length + 1);
      const page = await console.show(name, pageRequest(c, headers));
      return page === undefined ? serve(c, undefined) : pageResponse(page, calls.replyHeaders(headers));
    });
  }
  for (const [path, route] of routes) app.post(path, (c) => serve(c, route));
  // No wildcard route: Hono runs a chain of functions for a request that two routes match.
  app.notFound((c) => serve(c, undefined));
  app.onError((error, c) => responseOf(calls.refuse(error, c.req.path, headersOf(c))));
  return app;
}

/** The response, once it may be sent. */
function sent(answer: Answer): Response | Promise<Response> {
  return answer.held === undefined ? responseOf(answer) : answer.held.then(() => responseOf(answer));
}

function pageRequest(c: Context<AppEnv>, headers: CallHeaders): PageRequest {
  return {
    query: queryOf(c),
    headers,
    ifNoneMatch: c.req.header('if-none-match'),
    acceptEncoding: c.req.header('accept-encoding'),
  };
}

function queryOf(c: Context<AppEnv>): URLSearchParams {
  const start = c.req.url.indexOf('?');
  return new URLSearchParams(start < 0 ? '' : c.req.url.slice(start));
}

function cameOnLoopback(c: Context<AppEnv>): boolean {
  return c.env?.onLoopback === true;
}

function pageResponse(page: Page, more?: Readonly<Record<string, string>>): Response {
  const { status = 200, text, contentType, headers } = page;
  if (status === 304) return new Response(null, { status, headers: { ...headers, ...more } });
  const length = String(Buffer.byteLength(text));
  return new Response(text, {
    status,
    headers: { 'Content-Type': contentType, 'Content-Length': length, ...headers, ...more },
  });
}

function getPath(request: Request, options?: { env?: AppEnv['Bindings'] }): string {
  return pathOf(options?.env?.incoming?.url ?? request.url);
}
