import type { Context } from 'hono';
import { type CallHeaders, callHeadersOf } from '../call/call-headers.ts';
import type { AppEnv } from './app-env.ts';

/** The headers of a call that comes through Hono. */
export function headersOf(c: Context<AppEnv>): CallHeaders {
  const incoming = c.env?.incoming;
  if (incoming !== undefined) return callHeadersOf(incoming.rawHeaders, incoming.socket);
  return {
    authorization: c.req.header('authorization'),
    accept: c.req.header('accept'),
    contentType: c.req.header('content-type'),
    contentLength: c.req.header('content-length'),
    clientCertificate: undefined,
  };
}
