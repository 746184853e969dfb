import { type FaultProxy, startFaultProxy } from '@querator/tooling-postgres';
import { afterEach, expect, test, vi } from 'vitest';
import { PgBouncer } from '../../src/poolers/pgbouncer.ts';
import { FailoverFixture } from '../failover/failover-fixture.ts';
import { measured } from '../measured.ts';

const WITHIN = { timeout: 30_000, interval: 50 };
/** One session for each connection of two servers, which session mode needs. */
const poolSize = 20;
/** PgBouncer's default time without new logins after the primary has refused one. */
const LOGIN_RETRY_MS = 15_000;

let fixture: FailoverFixture | undefined;
let bouncer: PgBouncer;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function openThrough(
  mode: 'transaction' | 'session',
  leadTo?: (primary: string) => Promise<FaultProxy>,
) {
  fixture = await FailoverFixture.open('synchronous', async ({ first }) => {
    bouncer = await PgBouncer.start(first, { mode, poolSize });
    cleanups.push(() => bouncer.stop());
    if (leadTo !== undefined) {
      const proxy = await leadTo(first.connectionString());
      cleanups.push(() => proxy.close());
      bouncer.pointTo(Number(new URL(proxy.connectionString).port));
      await bouncer.run('RELOAD');
    }
    return bouncer.process.connectionString('postgres', `pooler=${mode}`);
  });
  await fixture.load.createQueues();
  fixture.load.start(3);
  await fixture.load.more(1_000);
  return fixture;
}

test.each(['transaction', 'session'] as const)(
  'PgBouncer in %s mode: the primary is killed under load, the standby promoted, PgBouncer reloaded; no item is lost or duplicated',
  async (mode) => {
    const { pair, load } = await openThrough(mode);
    const killedAt = performance.now();
    await pair.first.crash();
    await pair.promote();
    bouncer.pointTo(pair.second.port);
    await bouncer.run('RELOAD');
    await bouncer.run('RECONNECT');
    await load.more(1_000);
    await load.settle();
    measured(
      `PgBouncer in ${mode} mode, primary killed: no produce for ${load.successes.gap('produce', killedAt)} ms, ` +
        `no complete for ${load.successes.gap('complete', killedAt)} ms`,
    );
    expect(load.successes.gap('produce', killedAt)).toBeLessThan(LOGIN_RETRY_MS);
    fixture?.expectNothingLostOrDoubled();
  },
);

test('PgBouncer keeps its connections to a read-only server until it gets RECONNECT', async () => {
  let name: FaultProxy | undefined;
  const { pair, load, servers } = await openThrough('transaction', async (primary) => {
    name = await startFaultProxy(primary);
    return name;
  });
  await pair.first.crash();
  await pair.promote();
  // The old server is back, and PgBouncer connects to it.
  await pair.rejoin();
  await vi.waitFor(() => {
    for (const { log } of servers) expect(log).toContain('session is read-only');
  }, WITHIN);

  name?.leadTo(pair.second.connectionString());
  const refused = await load.produceOnce(servers[0], ['refused'], { request_timeout: '5s' });
  expect(refused).toMatchObject({ status: 454, message: expect.not.stringContaining('outcome unknown') });

  const toldAt = performance.now();
  await bouncer.run('RECONNECT');
  await load.more(1_000);
  await load.settle();
  measured(
    `PgBouncer before a name that leads elsewhere now, told to RECONNECT: after that no produce for ` +
      `${load.successes.firstAfter('produce', toldAt)} ms, no complete for ${load.successes.firstAfter('complete', toldAt)} ms`,
  );
  fixture?.expectNothingLostOrDoubled();
});
