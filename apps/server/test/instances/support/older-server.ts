import { freePort, ServerProcess } from '@querator/tooling-processes';
import pg from 'pg';

const OLDER_MAIN = process.env['QUERATOR_OLDER_MAIN'];
/** The name of the stand-in in its notifications. */
const NAME = 'standin0';

/** A server of a version that keeps no record of itself. */
export interface OlderServer {
  stop(): Promise<void>;
}

/**
 * Starts the server of `QUERATOR_OLDER_MAIN`, and uses a queue there. Without that
 * variable, starts a stand-in that sends what such a server sends.
 *
 * @param applicationName of its database sessions.
 */
export async function startOlderServer(
  connectionString: string,
  applicationName: string,
): Promise<OlderServer> {
  const url = new URL(connectionString);
  url.searchParams.set('application_name', applicationName);
  return OLDER_MAIN === undefined ? standIn(url.href) : realServer(url.href, OLDER_MAIN);
}

async function realServer(storage: string, main: string): Promise<OlderServer> {
  const server = new ServerProcess(await freePort(), { storage, maxConns: 5 });
  await server.start(main);
  const post = async (call: string, body: object) => {
    const reply = await fetch(`${server.url}/v1/${call}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ queue_name: 'older', ...body }),
    });
    if (reply.status !== 200) throw new Error(await reply.text());
  };
  await post('queues.create', { lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 });
  await post('queue.produce', { request_timeout: '10s', items: [{ utf8: 'by the older one' }] });
  return { stop: async () => void (await server.stop()) };
}

/** Greets when it begins to listen, answers greetings and new servers, and sends a beat every 10 s. */
async function standIn(connectionString: string): Promise<OlderServer> {
  const client = new pg.Client(connectionString);
  await client.connect();
  const send = (kind: 'h' | 'b') => client.query(`NOTIFY querator, '${kind}${NAME}'`);
  const known = new Set([NAME]);
  client.on('notification', ({ payload = '' }) => {
    const name = payload.slice(1, 1 + NAME.length);
    if (known.has(name) && (name === NAME || !payload.startsWith('h'))) return;
    known.add(name);
    void send('b').catch(() => {});
  });
  await client.query('LISTEN querator');
  await send('h');
  const beats = setInterval(() => void send('b').catch(() => {}), 10_000);
  return {
    stop: () => {
      clearInterval(beats);
      return client.end();
    },
  };
}
