import { type Answer, leasedOf, type Request } from '../request.ts';
import type { EngineProcess } from './engine-process.ts';
import type { World } from './world.ts';

const LEASE_MS = 2_000;
/** A few calls to storage that is well. */
const AT_ONCE_MS = 150;
const PATIENCE_MS = 300_000;
/** Looks at storage that has just been very slow, as it seems to one who slept, come that seldom for a while, at most. */
const SLOW_POLL_MS = 60_000;
const POLL_MS = 4_000;

/**
 * Consumers that wait are woken by whatever makes an item available, also in
 * engines that have come through all that happened before. Storage is well by
 * now, so that "at once" has a meaning.
 */
export async function checkWaking(world: World): Promise<void> {
  const { setting } = world;
  const [asked, other] = [world.dice.pick(world.engines), world.dice.pick(world.engines)];
  const settings = { ...setting.jobs, leaseTimeout: `${LEASE_MS}ms`, expireTimeout: '24h', maxAttempts: 0 };
  await insist(world, asked, { kind: 'update', queue: 'jobs', settings });
  await world.scheduler.sleep(world.signals === undefined ? pollMs(world) : POLL_MS);

  const crowd = ['w1', 'w2', 'w3'].map((client) => wait(world, other, client));
  await world.scheduler.sleep(20);
  // The second comes while storage has the first, and the third with it.
  const produced = ['x1', 'x2', 'x3'].map(async (name, n) => {
    await world.scheduler.sleep(n === 0 ? 0 : 0.1);
    await insist(world, asked, { kind: 'produce', queue: 'jobs', timeoutMs: AT_ONCE_MS, items: [{ name }] });
  });
  await Promise.all(produced);
  const withinMs = asked === other ? AT_ONCE_MS : acrossMs(world);
  const hands = await Promise.all(crowd.map((waiting) => waiting.within('an item was produced', withinMs)));
  if (hands.includes(undefined)) return;
  await checkHands(world, hands as [Hand, Hand, Hand], other);
  await checkParked(world, asked);
}

/** A small request that waits for a large one which is with storage is sent when that comes back. */
async function checkParked(world: World, engine: EngineProcess): Promise<void> {
  const produce = (...names: readonly string[]) =>
    insist(world, engine, {
      ...{ kind: 'produce', queue: 'jobs', timeoutMs: AT_ONCE_MS },
      items: names.map((name) => ({ name })),
    });
  const large = produce('y1', 'y2', 'y3');
  await world.scheduler.sleep(0.1);
  await Promise.all([large, produce('y4')]);
}

interface Hand {
  readonly partition: number;
  readonly id: string;
  readonly leaseMs: number;
}

async function checkHands(world: World, [first, second]: readonly [Hand, Hand, Hand], engine: EngineProcess) {
  if (Math.abs(first.leaseMs - LEASE_MS) > 10) {
    world.object(`${engine.name} leases for ${first.leaseMs} ms, though ${LEASE_MS} were set long before`);
  }
  const retry = async (hand: Hand, how: { retryAt?: ReturnType<World['scheduler']['instant']> }) => {
    const waiting = wait(world, engine, `again-${hand.id}`);
    await world.scheduler.sleep(10);
    const retried = [{ id: hand.id, dead: false, ...how }];
    await insist(world, engine, { kind: 'retry', queue: 'jobs', partition: hand.partition, items: retried });
    return waiting;
  };
  const again = await (await retry(first, {})).within('an item was retried', AT_ONCE_MS);
  // A point in time comes late for an engine whose clock lags behind.
  const laterMs = 500 + Math.max(0, -engine.fastByMs) + byAnyoneMs(world);
  const soon = { retryAt: world.scheduler.instant(500) };
  const later = await (await retry(second, soon)).within('a retried item came due', laterMs);
  // What is left is forgotten, and comes back when the leases have run out.
  if (later === undefined || again === undefined) return;
  const withinMs = LEASE_MS + byAnyoneMs(world);
  const expired = ['e1', 'e2', 'e3'].map((client) => wait(world, engine, client));
  const mourner = world.setting.jobs.deadQueue === '' ? undefined : wait(world, engine, 'mourner', 'dead');
  const back = expired.map(async (waiting, n) => {
    const hand = await waiting.within('a lease ran out', withinMs);
    if (hand === undefined) return;
    if (n > 0 || mourner === undefined) return complete(world, engine, 'jobs', hand);
    // Another engine's sweep may come upon it first.
    const dead = mourner.within('an item died', byAnyoneMs(world));
    const items = [{ id: hand.id, dead: true }];
    await insist(world, engine, { kind: 'retry', queue: 'jobs', partition: hand.partition, items });
    const letter = await dead;
    if (letter !== undefined) await complete(world, engine, 'dead', letter);
  });
  await Promise.all(back);
}

function wait(world: World, engine: EngineProcess, client: string, queue = 'jobs') {
  const request: Request = { kind: 'lease', queue, timeoutMs: PATIENCE_MS, clientId: client, limit: 1 };
  const leaving = Promise.withResolvers<void>();
  const answer = world.ask(client, engine, request, leaving.promise);
  return {
    within: async (why: string, ms: number): Promise<Hand | undefined> => {
      const tooLate = Promise.withResolvers<undefined>();
      const cancel = world.scheduler.after(ms, () => tooLate.resolve(undefined));
      const answered = await Promise.race([answer, tooLate.promise]);
      cancel();
      if (answered === undefined) {
        world.object(`${client} waits at ${engine.name} though ${why} ${Math.round(ms)} ms ago`);
        leaving.resolve();
        await answer;
        return undefined;
      }
      return handOf(world, answered);
    },
  };
}

function handOf(world: World, answer: Answer): Hand | undefined {
  const { partition, items } = leasedOf(answer);
  const item = items[0];
  if (item === undefined) return undefined;
  const leaseMs = Number(item.leaseDeadline - world.scheduler.instant()) / 1_000;
  // The answer was on its way for a few milliseconds.
  return { partition, id: item.id, leaseMs: Math.round(leaseMs / 10) * 10 };
}

async function complete(world: World, engine: EngineProcess, queue: string, { partition, id }: Hand) {
  await insist(world, engine, { kind: 'complete', queue, partition, ids: [id] });
}

/** Storage is well: there is no excuse. */
async function insist(world: World, engine: EngineProcess, request: Request): Promise<void> {
  const answer = await world.ask('checker', engine, request);
  if (answer?.how === 'ok') return;
  world.object(`${engine.name} fails in ${request.kind} though storage is well: ${JSON.stringify(answer)}`);
}

/** What time brings about is done by whichever engine comes first. */
function byAnyoneMs(world: World): number {
  return world.engines.length === 1 ? AT_ONCE_MS : acrossMs(world);
}

function acrossMs(world: World): number {
  return world.signals === undefined ? pollMs(world) : AT_ONCE_MS;
}

function pollMs({ setting }: World): number {
  return setting.climate.verySlow > 0 || setting.naps > 0 ? SLOW_POLL_MS : POLL_MS;
}
