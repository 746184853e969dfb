import { type FaultProxy, startFaultProxy } from '@querator/tooling-postgres';
import { onServer } from '@querator/tooling-postgres/debian';
import { afterEach, expect, test, vi } from 'vitest';
import { FailoverFixture, MAX_CONNS, READ_WRITE } from './failover/failover-fixture.ts';
import { measured } from './measured.ts';

/** Enough for each step on a busy machine. */
const WITHIN = { timeout: 30_000, interval: 50 };
/** Counts the connections of Querator servers. */
const SESSIONS = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'querator'`;

let fixture: FailoverFixture | undefined;
let proxy: FaultProxy | undefined;
afterEach(async () => {
  await fixture?.close();
  await proxy?.close();
  fixture = undefined;
  proxy = undefined;
});

test('a primary that hangs is left within the documented limits, and not used when it resumes', async () => {
  fixture = await FailoverFixture.open('synchronous', READ_WRITE);
  const { pair, load } = fixture;
  await load.createQueues();
  load.start(3);
  await load.more(1_000);

  const hungAt = performance.now();
  pair.first.pause();
  await pair.promote();
  await load.more(1_000);
  // The old primary is first in the string and still takes writes: it is not fenced.
  pair.first.resume();
  const [woken] = await onServer(pair.first, 'SELECT clock_timestamp()::text AS at');
  await load.more(1_000);
  // It may still execute statements from its sockets, whose answers are lost. No new ones arrive.
  const newOnes = `${SESSIONS} AND backend_start > '${woken?.['at']}'`;
  await vi.waitFor(async () => expect(await onServer(pair.first, newOnes)).toEqual([{ n: 0 }]), WITHIN);
  await pair.first.crash();
  await load.settle();
  measured(
    `synchronous, primary hangs: no produce for ${load.successes.gap('produce', hungAt)} ms, ` +
      `no complete for ${load.successes.gap('complete', hungAt)} ms`,
  );
  fixture.expectNothingLostOrDoubled();
});

test('a primary that returns as a standby, first in the list, gets no writes; a planned switch back loses nothing', async () => {
  fixture = await FailoverFixture.open('synchronous', READ_WRITE);
  const { pair, load } = fixture;
  await load.createQueues();
  load.start(3);
  await load.more(500);
  await pair.first.crash();
  await pair.promote();
  await load.more(500);
  await pair.rejoin();

  const late = await fixture.startAnother(READ_WRITE(pair));
  await late.createQueue('late');
  await late.ask('queue.produce', { queue_name: 'late', request_timeout: '10s', items: [{ utf8: 'a' }] });
  await load.more(500);
  await vi.waitFor(async () => expect(await onServer(pair.first, SESSIONS)).toEqual([{ n: 0 }]), WITHIN);

  // A planned switch back: the standby has everything when the primary has stopped.
  const haltedAt = performance.now();
  await pair.second.halt();
  await onServer(pair.first, 'SELECT pg_promote(true, 60)');
  await load.more(500);
  await load.settle();
  measured(
    `planned switch: no produce for ${load.successes.gap('produce', haltedAt)} ms, ` +
      `no complete for ${load.successes.gap('complete', haltedAt)} ms`,
  );
  fixture.expectNothingLostOrDoubled();
});

test('one name that leads to the old, read-only server for a while: nothing is written, then service returns', async () => {
  fixture = await FailoverFixture.open('synchronous', async (pair) => {
    proxy = await startFaultProxy(pair.first.connectionString());
    return proxy.connectionString;
  });
  const { pair, load, servers } = fixture;
  await load.createQueues();
  load.start(3);
  await load.more(500);
  await pair.first.crash();
  await pair.promote();
  // The proxy still leads to the old server, which is back.
  await pair.rejoin();
  await vi.waitFor(() => {
    for (const { log } of servers) expect(log).toContain('session is read-only');
  }, WITHIN);
  // The servers recognise it as read-only: its answers to reads do not bring partitions back into service.
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
      `${load.successes.firstAfter('produce', switchedAt)} ms, no complete for ${load.successes.firstAfter('complete', switchedAt)} ms`,
  );
  fixture.expectNothingLostOrDoubled();
});

test('a synchronous standby that is gone: nothing is acknowledged until it is back, and nothing is lost', async () => {
  fixture = await FailoverFixture.open('synchronous', READ_WRITE);
  const { pair, load } = fixture;
  const { ledger } = load;
  await load.createQueues();
  load.start(3);
  await load.more(500);
  pair.link.blackHole();
  // The first unknown produces were sent before the cut; all later ones wait too.
  await vi.waitFor(() => expect(ledger.unknown).toBeGreaterThan(0), WITHIN);
  const { acknowledged } = ledger;
  await vi.waitFor(() => expect(ledger.unknown).toBeGreaterThan(50), WITHIN);
  expect(ledger.acknowledged).toBe(acknowledged);
  // Abandoned statements leave the primary: each server has at most MAX_CONNS sessions there.
  const open = await vi.waitFor(async () => {
    const [row] = await onServer(pair.first, SESSIONS);
    expect(row?.['n']).toBeLessThanOrEqual(2 * MAX_CONNS);
    return row?.['n'];
  }, WITHIN);
  const backAt = performance.now();
  pair.link.restore();
  await load.more(500);
  await load.settle();
  measured(
    `synchronous standby cut off: ${ledger.unknown} items unknown, ${open} sessions at the primary; ` +
      `back, first produce after ${load.successes.firstAfter('produce', backAt)} ms`,
  );
  fixture.expectNothingLostOrDoubled();
});
