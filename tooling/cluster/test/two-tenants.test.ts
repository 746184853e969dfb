import { Agent, request } from 'node:http';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Cluster,
  createTestDatabase,
  startTemporaryCluster,
  type TestDatabase,
} from '@querator/tooling-postgres';
import { ServerProcess } from '@querator/tooling-processes';
import { afterEach, expect, test } from 'vitest';
import { measured } from './measured.ts';

const isShort = process.env['QUERATOR_CLUSTER_SHORT'] === '1';
const ADMIN_KEY = `qtr-test-${'A'.repeat(43)}`;
/** Pairs of periods: one without the flood, and one with it. */
const PAIRS = isShort ? 11 : 31;
const PERIOD_MS = isShort ? 300 : 1_000;
/** Requests a second that the flood is allowed: few, so that what it may do takes no noticeable share. */
const ALLOWED = 5;
/** Connections of the tenant that behaves well, and of the one that floods. */
const WELL = 4;
const FLOODERS = 64;

let server: ServerProcess;
let cluster: Cluster | undefined;
let database: TestDatabase | undefined;

afterEach(async () => {
  await server?.stop();
  await database?.drop();
  await cluster?.stop();
  database = undefined;
  cluster = undefined;
});

/** A tenant: its key, and its queue. */
interface Tenant {
  readonly key: string;
  readonly queue: string;
}

type Send = (path: string, body: object) => Promise<{ readonly status: number; readonly text: string }>;

/** A client with one connection, which it keeps. */
function client(key: string): { readonly send: Send; readonly close: () => void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send: Send = (path, body) =>
    new Promise((resolve, reject) => {
      const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` };
      const sent = request(`${server.url}${path}`, { method: 'POST', agent, headers }, (reply) => {
        let text = '';
        reply.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        reply.on('end', () => resolve({ status: reply.statusCode ?? 0, text }));
      });
      sent.on('error', reject).end(JSON.stringify(body));
    });
  return { send, close: () => agent.destroy() };
}

async function newTenant(admin: Send, name: string, scope: string): Promise<Tenant> {
  const ask = async (path: string, body: object) => {
    const { status, text } = await admin(path, body);
    if (status !== 200) throw new Error(`${path}: ${text}`);
    return JSON.parse(text);
  };
  await ask('/v1/namespaces.create', { name });
  const permissions = ['queue.produce', 'queue.lease', 'queue.complete'];
  await ask('/v1/roles.create', { namespace: name, name: 'member', permissions });
  const { id } = await ask('/v1/users.create', { username: name });
  await ask('/v1/rolebindings.create', { namespace: name, role_name: 'member', user_id: id });
  const { key } = await ask('/v1/apikeys.create', { user_id: id, namespace_scope: scope });
  const queue = `queue-of-${name}`;
  const settings = { lease_timeout: '10m', expire_timeout: '24h', requested_partitions: 1 };
  await ask('/v1/queues.create', { queue_name: queue, namespace: name, ...settings });
  return { key, queue };
}

/** Produces an item, leases it and completes it, as often as it can. @returns how often. */
async function work({ queue, key }: Tenant, name: string, untilMs: number): Promise<number> {
  const { send, close } = client(key);
  let done = 0;
  while (performance.now() < untilMs) {
    const of = { queue_name: queue, request_timeout: '5s' };
    await send('/v1/queue.produce', { ...of, items: [{ utf8: 'x' }] });
    const leased = await send('/v1/queue.lease', { ...of, batch_size: 1, client_id: name });
    const { partition = 0, items } = JSON.parse(leased.text);
    const ids = items.map(({ id }: { readonly id: string }) => id);
    const { status } = await send('/v1/queue.complete', { ...of, partition, ids });
    if (status === 200) done++;
  }
  close();
  return done;
}

/** Sends requests one after the other, whatever they are answered. @returns how many were refused by a rate. */
async function flood({ queue, key }: Tenant, end: AbortSignal): Promise<number> {
  const { send, close } = client(key);
  end.addEventListener('abort', close);
  const body = { queue_name: queue, request_timeout: '5s', items: [{ utf8: 'x'.repeat(1_000) }] };
  let refused = 0;
  while (!end.aborted) {
    try {
      const { status } = await send('/v1/queue.produce', body);
      if (status === 429) refused++;
    } catch (error) {
      if (!end.aborted) throw error;
    }
  }
  return refused;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function metrics(): Promise<string> {
  const reply = await fetch(`${server.url}/metrics`, { headers: { Authorization: `Bearer ${ADMIN_KEY}` } });
  return reply.text();
}

/** Without a scope, the namespace of a call is known only once its body is decoded. */
const CASES = [
  { storage: 'memory', scoped: false },
  { storage: 'memory', scoped: true },
  { storage: 'postgres', scoped: true },
] as const;

test.each(isShort ? CASES.slice(0, 1) : CASES)(
  'a tenant that floods the server does not slow another one by more than a tenth, on $storage, with a scope: $scoped',
  { timeout: 600_000 },
  async ({ storage, scoped }) => {
    if (storage === 'postgres') {
      cluster = await startTemporaryCluster();
      database = await createTestDatabase(cluster.connectionString());
    }
    server = await ServerProcess.start({
      storage: database?.connectionString,
      adminKey: ADMIN_KEY,
      logLevel: 'warn',
    });
    const admin = client(ADMIN_KEY);
    const well = await newTenant(admin.send, 'well', '');
    const flooding = await newTenant(admin.send, 'flooding', scoped ? 'flooding' : '');
    const limits = { requests_per_second: ALLOWED, items_waiting: 1_000, connections: 2 * FLOODERS };
    const set = await admin.send('/v2/quotas.set', { namespace: 'flooding', limits });
    expect(set.status).toBe(200);
    admin.close();
    const processorShare = async (ms: number) => {
      const seconds = async () => Number(/^process_cpu_seconds_total (.*)$/m.exec(await metrics())?.[1]);
      const [before, startedMs] = [await seconds(), performance.now()];
      await delay(ms);
      return (((await seconds()) - before) * 1_000) / (performance.now() - startedMs);
    };

    const period = async () => {
      const untilMs = performance.now() + PERIOD_MS;
      const done = await Promise.all(Array.from({ length: WELL }, (_, n) => work(well, `c${n}`, untilMs)));
      return done.reduce((sum, each) => sum + each);
    };
    await period();
    const ratios: number[] = [];
    const works: number[] = [];
    const loads: number[] = [];
    let refused = 0;
    for (let pair = 0; pair < PAIRS; pair++) {
      const alone = await period();
      works.push((alone * 1_000) / PERIOD_MS);
      const end = new AbortController();
      const floods = Array.from({ length: FLOODERS }, () => flood(flooding, end.signal));
      await delay(200);
      loads.push(await processorShare(PERIOD_MS));
      ratios.push((await period()) / alone);
      end.abort();
      for (const each of await Promise.all(floods)) refused += each;
    }
    measured(
      `two tenants, ${storage}, scope ${scoped}: beside a flood of ${FLOODERS} connections the other tenant did ` +
        `${median(ratios).toFixed(3)} of its work of ${median(works)} items/s (${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}); the flood ` +
        `took ${median(loads).toFixed(3)} of a processor; ${refused} requests were refused`,
    );
    expect(refused).toBeGreaterThan(0);
    expect(median(loads)).toBeLessThanOrEqual(0.1);
    // Other work on the machine scatters the ratios around their middle. A flood that slows lowers nearly all.
    expect(ratios.filter((ratio) => ratio < 0.9).length).toBeLessThan(0.85 * PAIRS);
  },
);
