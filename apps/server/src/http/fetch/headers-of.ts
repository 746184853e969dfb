import type { Context } from 'hono';
import { type CallHeaders, callHeadersBy, callHeadersOf } from '../call/call-headers.ts';
import type { AppEnv } from './app-env.ts';

/** The headers of a call that comes through Hono. */
export function headersOf(c: Context<AppEnv>): CallHeaders {
  const incoming = c.env?.incoming;
  if (incoming !== undefined) return callHeadersOf(incoming.rawHeaders, incoming.socket);
  return callHeadersBy((name) => c.req.header(name));
}
