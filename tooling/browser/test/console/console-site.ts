import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { consoleFolder } from '@querator/console';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { parseConfig, type RunningServer, startServer } from '@querator/server';

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** A server with the console in front of it, below the path `/queue/`. */
export interface ConsoleSite {
  readonly server: RunningServer;
  /** The address of the page. */
  readonly url: string;
  /** Closes every connection and answers none until `answer`, as a server that is gone. */
  hang(): void;
  answer(): void;
  /** Ends all sessions, as their keys would by expiring. */
  endSessions(): void;
  stop(): Promise<void>;
}

/** Starts a server, and serves the console with it. @param config of the server. */
export async function startConsole(config: object): Promise<ConsoleSite> {
  const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
  const server = await startServer(parseConfig(JSON.stringify({ address: '127.0.0.1:0', ...config })), deps);
  const sessions = new Sessions('auth-backend' in config);
  let isGone = false;
  const front = createServer((incoming, outgoing) => {
    if (isGone) return void incoming.socket.destroy();
    serve(incoming, outgoing, { server, sessions }).catch((error) => {
      outgoing.writeHead(502).end(String(error));
    });
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  return {
    server,
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}/queue/console/`,
    hang: () => {
      isGone = true;
      front.closeAllConnections();
    },
    answer: () => {
      isGone = false;
    },
    endSessions: () => sessions.endAll(),
    stop: async () => {
      front.closeAllConnections();
      front.close();
      await server.stop();
    },
  };
}

/** The API keys of the sessions, by the value of their cookie. */
class Sessions {
  readonly isNeeded: boolean;
  #open = new Map<string, { readonly key: string; readonly write: boolean }>();

  constructor(isNeeded: boolean) {
    this.isNeeded = isNeeded;
  }

  of(request: IncomingMessage) {
    const value = /session=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
    return this.#open.get(value);
  }

  open(key: string, write: boolean): string {
    const value = `s${this.#open.size}`;
    this.#open.set(value, { key, write });
    return value;
  }

  endAll(): void {
    this.#open.clear();
  }
}

const READS = /\.(find|summarize|export|get|list|describe|rates|info|stats)$/;

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { server, sessions }: { readonly server: RunningServer; readonly sessions: Sessions },
): Promise<void> {
  const path = new URL(incoming.url ?? '', 'http://x').pathname.replace(/^\/queue/, '');
  const session = sessions.of(incoming);
  const json = (status: number, body: object, headers = {}) =>
    void outgoing
      .writeHead(status, { 'Content-Type': 'application/json', ...headers })
      .end(JSON.stringify(body));
  if (path === '/console/config.json') return json(200, { access_control: sessions.isNeeded });
  if (path.startsWith('/console/')) {
    const name = path.slice('/console/'.length) || 'index.html';
    const body = await readFile(join(consoleFolder, name));
    const headers = { 'Content-Type': TYPES[extname(name)] ?? '', 'Content-Security-Policy': POLICY };
    return void outgoing.writeHead(200, headers).end(body);
  }
  const body = Buffer.concat(await incoming.toArray());
  if (path === '/v2/session.create') {
    const key = incoming.headers.authorization?.slice('Bearer '.length) ?? session?.key ?? '';
    const { write = false } = JSON.parse(body.toString());
    if (!key.startsWith('qtr-')) return json(401, { message: 'api key is invalid' });
    const cookie = `session=${sessions.open(key, write)}; HttpOnly; SameSite=Strict; Path=/`;
    return json(200, { write }, { 'Set-Cookie': cookie });
  }
  if (path === '/v2/session.get') {
    return session === undefined
      ? json(401, { message: 'there is no session' })
      : json(200, { write: session.write });
  }
  if (path === '/v2/session.delete') return json(200, {}, { 'Set-Cookie': 'session=; Path=/; Max-Age=0' });
  if (sessions.isNeeded && session === undefined) return json(403, { message: 'access denied' });
  if (session?.write === false && !READS.test(path))
    return json(403, { message: 'the session is read-only' });
  const headers = {
    ...incoming.headers,
    ...(session === undefined ? {} : { authorization: `Bearer ${session.key}` }),
  };
  delete headers.cookie;
  delete headers.origin;
  const forwarded = sendRequest(server.url + path, { method: 'POST', headers }, (reply) => {
    outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.pipe(outgoing);
  });
  forwarded.on('error', () => outgoing.destroy());
  forwarded.end(body);
}
