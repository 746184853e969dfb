import type { Context } from 'hono';
import type { AppEnv } from '../fetch/app.ts';

/** What a call's headers say of it; absent: not sent. Of one that is sent twice the first counts. */
export interface CallHeaders {
  authorization: string | undefined;
  accept: string | undefined;
  contentType: string | undefined;
  contentLength: string | undefined;
}

class RawCallHeaders implements CallHeaders {
  authorization: string | undefined = undefined;
  accept: string | undefined = undefined;
  contentType: string | undefined = undefined;
  contentLength: string | undefined = undefined;
}

/** By the names' lengths, which no two share: most headers are none of these, and are told by that alone. */
const NAMES: Readonly<Record<number, readonly [name: string, key: keyof CallHeaders]>> = {
  6: ['accept', 'accept'],
  12: ['content-type', 'contentType'],
  13: ['authorization', 'authorization'],
  14: ['content-length', 'contentLength'],
};

/** Reads them in one pass over what Node has parsed: an object of all headers costs more than the rest of a small call. */
export function parsedHeaders(raw: readonly string[]): CallHeaders {
  const headers = new RawCallHeaders();
  for (let at = 0; at < raw.length; at += 2) {
    const sent = raw[at] as string;
    const known = NAMES[sent.length];
    if (known === undefined || sent.toLowerCase() !== known[0]) continue;
    headers[known[1]] ??= raw[at + 1] as string;
  }
  return headers;
}

/** The headers of a call that comes through Hono. */
export function callHeaders(c: Context<AppEnv>): CallHeaders {
  const raw = c.env?.incoming?.rawHeaders;
  if (raw !== undefined) return parsedHeaders(raw);
  return {
    authorization: c.req.header('authorization'),
    accept: c.req.header('accept'),
    contentType: c.req.header('content-type'),
    contentLength: c.req.header('content-length'),
  };
}
