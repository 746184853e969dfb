import { once } from 'node:events';
import { createServer, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { parseConfig, type RunningServer, startServer } from '@querator/server';

/** A server, and a proxy in front of it that serves it below the path `/queue`. */
export interface ConsoleSite {
  readonly server: RunningServer;
  /** The address of the console at the proxy. */
  readonly url: string;
  /** Makes the proxy close each connection without a reply, as a server that is gone. */
  hang(): void;
  /** Ends that. */
  answer(): void;
  stop(): Promise<void>;
}

/** Starts a server with the console. @param config of the server. */
export async function startConsole(config: object): Promise<ConsoleSite> {
  const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
  const server = await startServer(parseConfig(JSON.stringify({ address: '127.0.0.1:0', ...config })), deps);
  let isGone = false;
  const front = createServer((incoming, outgoing) => {
    const { method, headers, url = '' } = incoming;
    if (isGone || !url.startsWith('/queue/')) return void incoming.socket.destroy();
    const target = server.url + url.slice('/queue'.length);
    const forwarded = sendRequest(target, { method, headers }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
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
    stop: async () => {
      front.closeAllConnections();
      front.close();
      await server.stop();
    },
  };
}
