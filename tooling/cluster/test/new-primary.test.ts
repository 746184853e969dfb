import { type FaultProxy, startFaultProxy } from '@querator/tooling-postgres';
import { onServer } from '@querator/tooling-postgres/debian';
import { afterEach, expect, test, vi } from 'vitest';
import { MAX_CONNS, READ_WRITE, Scene } from './failover/scene.ts';
import { measured } from './measured.ts';

/** Longer than anything here takes on a machine that is busy. */
const PATIENCE = { timeout: 30_000, interval: 50 };
/** How many connections Querator servers have. */
const SESSIONS = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'querator'`;

let scene: Scene | undefined;
let proxy: FaultProxy | undefined;
afterEach(async () => {
  await scene?.close();
  await proxy?.close();
  scene = undefined;
  proxy = undefined;
});

test('a primary that hangs is left within the documented limits, and not turned to when it wakes', async () => {
  scene = await Scene.open('synchronous', READ_WRITE);
  const { pair, load } = scene;
  await load.start(3);
  await load.more(1_000);

  const hungAt = performance.now();
  pair.first.pause();
  await pair.promote();
  await load.more(1_000);
  // First in the string, and it still believes to be the primary: nobody has fenced it.
  pair.first.resume();
  const [woken] = await onServer(pair.first, 'SELECT clock_timestamp()::text AS at');
  await load.more(1_000);
  // What lay in its sockets it may still do, and nobody is told of it. Nothing comes to it any more.
  const newOnes = `${SESSIONS} AND backend_start > '${woken?.['at']}'`;
  await vi.waitFor(async () => expect(await onServer(pair.first, newOnes)).toEqual([{ n: 0 }]), PATIENCE);
  await pair.first.crash();
  await load.settle();
  measured(
    `synchronous, primary hangs: no produce for ${load.gap('produce', hungAt)} ms, ` +
      `no complete for ${load.gap('complete', hungAt)} ms`,
  );
  scene.expectNothingLostOrDoubled();
});

test('a primary that comes back as a standby, first in the list, is not written to; a planned switch back loses nothing', async () => {
  scene = await Scene.open('synchronous', READ_WRITE);
  const { pair, load } = scene;
  await load.start(3);
  await load.more(500);
  await pair.first.crash();
  await pair.promote();
  await load.more(500);
  await pair.rejoin();

  const late = await scene.startAnother(READ_WRITE(pair));
  await late.createQueue('late');
  await late.ask('queue.produce', { queue_name: 'late', request_timeout: '10s', items: [{ utf8: 'a' }] });
  await load.more(500);
  await vi.waitFor(async () => expect(await onServer(pair.first, SESSIONS)).toEqual([{ n: 0 }]), PATIENCE);

  // The switch back, in good order: the standby has everything when the primary has stopped.
  const haltedAt = performance.now();
  await pair.second.halt();
  await onServer(pair.first, 'SELECT pg_promote(true, 60)');
  await load.more(500);
  await load.settle();
  measured(
    `planned switch: no produce for ${load.gap('produce', haltedAt)} ms, ` +
      `no complete for ${load.gap('complete', haltedAt)} ms`,
  );
  scene.expectNothingLostOrDoubled();
});

test('one name in front that leads to the old server, now read-only, for a while: nothing is written, then it recovers', async () => {
  scene = await Scene.open('synchronous', async (pair) => {
    proxy = await startFaultProxy(pair.first.connectionString());
    return proxy.connectionString;
  });
  const { pair, load, servers } = scene;
  await load.start(3);
  await load.more(500);
  await pair.first.crash();
  await pair.promote();
  // Whoever is in front has not noticed, and the old server is back before it does.
  await pair.rejoin();
  await vi.waitFor(() => {
    for (const { log } of servers) expect(log).toContain('session is read-only');
  }, PATIENCE);
  // Recognised for what it is: reads, which it answers, do not make it fit for service.
  const recoveries = () => servers.map(({ log }) => log.split('partition is back in service').length);
  const before = recoveries();
  for (const server of servers) {
    expect(
      await load.produceOnce(server, [`refused-${server.port}`], { request_timeout: '3s' }),
    ).toMatchObject({
      ...{ status: 454, message: 'request timeout; items were not produced, try again' },
    });
  }
  expect(recoveries()).toEqual(before);
  const switchedAt = performance.now();
  proxy?.leadTo(pair.second.connectionString());
  await load.more(1_000);
  await load.settle();
  measured(
    `one name in front, switched over: after that no produce for ` +
      `${load.firstAfter('produce', switchedAt)} ms, no complete for ${load.firstAfter('complete', switchedAt)} ms`,
  );
  scene.expectNothingLostOrDoubled();
});

test('a synchronous standby that is gone: nothing is acknowledged until it is back, and nothing lost', async () => {
  scene = await Scene.open('synchronous', READ_WRITE);
  const { pair, load } = scene;
  const { ledger } = load;
  await load.start(3);
  await load.more(500);
  pair.link.blackHole();
  // The first ones to be given up on were sent when nobody could answer any more; all others wait too.
  await vi.waitFor(() => expect(ledger.unknown).toBeGreaterThan(0), PATIENCE);
  const { acknowledged } = ledger;
  await vi.waitFor(() => expect(ledger.unknown).toBeGreaterThan(50), PATIENCE);
  expect(ledger.acknowledged).toBe(acknowledged);
  // Those given up on leave the primary: two servers have at most so many sessions there.
  const open = await vi.waitFor(async () => {
    const [row] = await onServer(pair.first, SESSIONS);
    expect(row?.['n']).toBeLessThanOrEqual(2 * MAX_CONNS);
    return row?.['n'];
  }, PATIENCE);
  const backAt = performance.now();
  pair.link.restore();
  await load.more(500);
  await load.settle();
  measured(
    `synchronous standby cut off: ${ledger.unknown} items unknown, ${open} sessions at the primary; ` +
      `back, first produce after ${load.firstAfter('produce', backAt)} ms`,
  );
  scene.expectNothingLostOrDoubled();
});
