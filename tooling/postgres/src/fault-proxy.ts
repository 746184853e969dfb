import { once } from 'node:events';
import net from 'node:net';

/** A way to PostgreSQL on which everything can go wrong that goes wrong on networks. */
export interface FaultProxy {
  /** Leads through the proxy. */
  readonly connectionString: string;
  /** From now on what the server answers gets lost, without anybody noticing. */
  swallowAnswers(): void;
  /** From now on nothing gets through either way, and nobody is told; new connections are taken and lead nowhere. */
  blackHole(): void;
  /** From now on new connections are reset; those there are stay. */
  refuse(): void;
  /** From now on, a connection on which the server answers is reset instead: what was sent has taken effect. */
  cutAtAnswers(): void;
  /** Lets everything through again, on connections made from now on; those that lost something are reset. */
  restore(): void;
  /** Resets all connections. */
  cut(): void;
  /** From now on new connections lead to another server, as when a pooler or a load balancer is switched over. */
  leadTo(connectionString: string): void;
  close(): Promise<void>;
}

type Mode = 'clear' | 'swallow' | 'black-hole' | 'refuse' | 'cut-at-answers';

/** Starts a proxy in front of the server of a connection string. */
export async function startFaultProxy(connectionString: string): Promise<FaultProxy> {
  let url = new URL(connectionString);
  const sockets = new Set<net.Socket>();
  /** Connections that something was kept from. */
  const damaged = new Set<net.Socket>();
  let mode: Mode = 'clear';
  const server = net.createServer((near) => {
    if (mode === 'refuse') {
      near.resetAndDestroy();
      return;
    }
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
    near.on('data', (data) => {
      if (mode === 'black-hole') damaged.add(near);
      else far.write(data);
    });
    far.on('data', (data) => {
      if (mode === 'cut-at-answers') {
        near.resetAndDestroy();
        far.resetAndDestroy();
      } else if (mode === 'swallow' || mode === 'black-hole') damaged.add(near);
      else near.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxied = new URL(connectionString);
  proxied.hostname = '127.0.0.1';
  proxied.port = String((server.address() as net.AddressInfo).port);
  const reset = (which: Iterable<net.Socket>) => {
    for (const socket of which) socket.resetAndDestroy();
  };
  return {
    connectionString: proxied.href,
    swallowAnswers: () => {
      mode = 'swallow';
    },
    blackHole: () => {
      mode = 'black-hole';
    },
    refuse: () => {
      mode = 'refuse';
    },
    cutAtAnswers: () => {
      mode = 'cut-at-answers';
    },
    restore: () => {
      mode = 'clear';
      reset(damaged);
      damaged.clear();
    },
    cut: () => reset(sockets),
    leadTo: (other) => {
      url = new URL(other);
    },
    close: async () => {
      reset(sockets);
      server.close();
      await once(server, 'close');
    },
  };
}
