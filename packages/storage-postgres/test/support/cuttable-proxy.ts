import { once } from 'node:events';
import net from 'node:net';

/** A way to PostgreSQL that can be interrupted. */
export interface CuttableProxy {
  readonly connectionString: string;
  /** From now on what the server answers gets lost, without anybody noticing. */
  swallowAnswers(): void;
  /** Lets answers through again, on connections made from now on. */
  restore(): void;
  /** Resets all connections. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts a proxy in front of the server of a connection string. */
export async function startCuttableProxy(connectionString: string): Promise<CuttableProxy> {
  const url = new URL(connectionString);
  const sockets = new Set<net.Socket>();
  let swallowing = false;
  const server = net.createServer((near) => {
    const far = net.connect(Number(url.port || 5432), url.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (data) => {
      if (!swallowing) near.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxied = new URL(connectionString);
  proxied.hostname = '127.0.0.1';
  proxied.port = String((server.address() as net.AddressInfo).port);
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    connectionString: proxied.href,
    swallowAnswers: () => {
      swallowing = true;
    },
    restore: () => {
      swallowing = false;
    },
    cut,
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
