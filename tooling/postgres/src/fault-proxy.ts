import { once } from 'node:events';
import net from 'node:net';

/** A proxy to PostgreSQL that simulates network faults. */
export interface FaultProxy {
  /** The connection string of the proxy. */
  readonly connectionString: string;
  /** How often clients have sent something so far: about the number of round trips. */
  readonly sent: number;
  /** From now on drops the server's answers without an error. */
  swallowAnswers(): void;
  /** From now on drops all traffic without an error. New connections are accepted and lead nowhere. */
  blackHole(): void;
  /** From now on resets new connections; existing ones stay. */
  refuse(): void;
  /** From now on resets a connection when the server answers on it: the statement has taken effect. */
  cutAtAnswers(): void;
  /** Ends all faults for new connections, and resets those that have lost data. */
  restore(): void;
  /** Resets all connections. */
  cut(): void;
  /** From now on leads new connections to another server, like a switched pooler or load balancer. */
  leadTo(connectionString: string): void;
  close(): Promise<void>;
}

type Mode = 'clear' | 'swallow' | 'black-hole' | 'refuse' | 'cut-at-answers';

/** Starts a proxy in front of the server of a connection string. */
export async function startFaultProxy(connectionString: string): Promise<FaultProxy> {
  let url = new URL(connectionString);
  const sockets = new Set<net.Socket>();
  /** Connections that have lost data. */
  const damaged = new Set<net.Socket>();
  let mode: Mode = 'clear';
  let sent = 0;
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
      sent++;
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
    get sent() {
      return sent;
    },
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
