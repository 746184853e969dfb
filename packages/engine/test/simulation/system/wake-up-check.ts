import { type Answer, leasedOf, type Request } from '../request.ts';
import type { EngineProcess } from './engine-process.ts';
import type { Simulation } from './simulation.ts';

const LEASE_MS = 2_000;
/** Milliseconds for a few calls to healthy storage. */
const AT_ONCE_MS = 150;
const WAIT_MS = 300_000;
/** The longest poll interval, in milliseconds, after storage was very slow or a process slept. */
const SLOW_POLL_MS = 60_000;
const POLL_MS = 4_000;

/**
 * Checks that waiting consumers are woken by whatever makes an item available,
 * also in engines that survived all incidents. Storage is healthy by now.
 */
export async function checkWakeUps(simulation: Simulation): Promise<void> {
  const { scenario } = simulation;
  const [asked, other] = [simulation.dice.pick(simulation.engines), simulation.dice.pick(simulation.engines)];
  const settings = { ...scenario.jobs, leaseTimeout: `${LEASE_MS}ms`, expireTimeout: '24h', maxAttempts: 0 };
  await insist(simulation, asked, { kind: 'update', queue: 'jobs', settings });
  await simulation.scheduler.sleep(simulation.signals === undefined ? pollMs(simulation) : POLL_MS);

  const crowd = ['w1', 'w2', 'w3'].map((client) => wait(simulation, other, client));
  await simulation.scheduler.sleep(20);
  // The second request comes while storage has the first, and the third with it.
  const produced = ['x1', 'x2', 'x3'].map(async (name, n) => {
    await simulation.scheduler.sleep(n === 0 ? 0 : 0.1);
    await insist(simulation, asked, {
      kind: 'produce',
      queue: 'jobs',
      timeoutMs: AT_ONCE_MS,
      items: [{ name }],
    });
  });
  await Promise.all(produced);
  const withinMs = asked === other ? AT_ONCE_MS : acrossMs(simulation);
  const hands = await Promise.all(crowd.map((waiting) => waiting.within('an item was produced', withinMs)));
  if (hands.includes(undefined)) return;
  await checkHands(simulation, hands as [Hand, Hand, Hand], other);
  await checkParked(simulation, asked);
}

/** A small request that waits for a large one in flight is sent when that returns. */
async function checkParked(simulation: Simulation, engine: EngineProcess): Promise<void> {
  const produce = (...names: readonly string[]) =>
    insist(simulation, engine, {
      kind: 'produce',
      queue: 'jobs',
      timeoutMs: AT_ONCE_MS,
      items: names.map((name) => ({ name })),
    });
  const large = produce('y1', 'y2', 'y3');
  await simulation.scheduler.sleep(0.1);
  await Promise.all([large, produce('y4')]);
}

interface Hand {
  readonly partition: number;
  readonly id: string;
  readonly leaseMs: number;
}

async function checkHands(
  simulation: Simulation,
  [first, second]: readonly [Hand, Hand, Hand],
  engine: EngineProcess,
) {
  if (Math.abs(first.leaseMs - LEASE_MS) > 10) {
    simulation.report(
      `${engine.name} leases for ${first.leaseMs} ms, though ${LEASE_MS} were set long before`,
    );
  }
  const retry = async (hand: Hand, how: { retryAt?: ReturnType<Simulation['scheduler']['instant']> }) => {
    const waiting = wait(simulation, engine, `again-${hand.id}`);
    await simulation.scheduler.sleep(10);
    const retried = [{ id: hand.id, dead: false, ...how }];
    await insist(simulation, engine, {
      kind: 'retry',
      queue: 'jobs',
      partition: hand.partition,
      items: retried,
    });
    return waiting;
  };
  const again = await (await retry(first, {})).within('an item was retried', AT_ONCE_MS);
  // An instant comes late for an engine whose clock lags.
  const laterMs = 500 + Math.max(0, -engine.fastByMs) + byAnyoneMs(simulation);
  const soon = { retryAt: simulation.scheduler.instant(500) };
  const later = await (await retry(second, soon)).within('a retried item came due', laterMs);
  // The other items are forgotten. They come back when their leases end.
  if (later === undefined || again === undefined) return;
  const withinMs = LEASE_MS + byAnyoneMs(simulation);
  const expired = ['e1', 'e2', 'e3'].map((client) => wait(simulation, engine, client));
  const deadLetterConsumer =
    simulation.scenario.jobs.deadQueue === '' ? undefined : wait(simulation, engine, 'mourner', 'dead');
  const back = expired.map(async (waiting, n) => {
    const hand = await waiting.within('a lease ran out', withinMs);
    if (hand === undefined) return;
    if (n > 0 || deadLetterConsumer === undefined) return complete(simulation, engine, 'jobs', hand);
    // The sweep of another engine may find it first.
    const dead = deadLetterConsumer.within('an item died', byAnyoneMs(simulation));
    const items = [{ id: hand.id, dead: true }];
    await insist(simulation, engine, { kind: 'retry', queue: 'jobs', partition: hand.partition, items });
    const letter = await dead;
    if (letter !== undefined) await complete(simulation, engine, 'dead', letter);
  });
  await Promise.all(back);
}

function wait(simulation: Simulation, engine: EngineProcess, client: string, queue = 'jobs') {
  const request: Request = { kind: 'lease', queue, timeoutMs: WAIT_MS, clientId: client, limit: 1 };
  const leaving = Promise.withResolvers<void>();
  const answer = simulation.ask(client, engine, request, leaving.promise);
  return {
    within: async (why: string, ms: number): Promise<Hand | undefined> => {
      const tooLate = Promise.withResolvers<undefined>();
      const cancel = simulation.scheduler.after(ms, () => tooLate.resolve(undefined));
      const answered = await Promise.race([answer, tooLate.promise]);
      cancel();
      if (answered === undefined) {
        simulation.report(`${client} waits at ${engine.name} though ${why} ${Math.round(ms)} ms ago`);
        leaving.resolve();
        await answer;
        return undefined;
      }
      return handOf(simulation, answered);
    },
  };
}

function handOf(simulation: Simulation, answer: Answer): Hand | undefined {
  const { partition, items } = leasedOf(answer);
  const item = items[0];
  if (item === undefined) return undefined;
  const leaseMs = Number(item.leaseDeadline - simulation.scheduler.instant()) / 1_000;
  // The answer took a few milliseconds.
  return { partition, id: item.id, leaseMs: Math.round(leaseMs / 10) * 10 };
}

async function complete(
  simulation: Simulation,
  engine: EngineProcess,
  queue: string,
  { partition, id }: Hand,
) {
  await insist(simulation, engine, { kind: 'complete', queue, partition, ids: [id] });
}

/** Sends a request that must succeed, because storage is healthy. */
async function insist(simulation: Simulation, engine: EngineProcess, request: Request): Promise<void> {
  const answer = await simulation.ask('checker', engine, request);
  if (answer?.how === 'ok') return;
  simulation.report(
    `${engine.name} fails in ${request.kind} though storage is well: ${JSON.stringify(answer)}`,
  );
}

/** What only time causes, any engine may do first. */
function byAnyoneMs(simulation: Simulation): number {
  return simulation.engines.length === 1 ? AT_ONCE_MS : acrossMs(simulation);
}

function acrossMs(simulation: Simulation): number {
  return simulation.signals === undefined ? pollMs(simulation) : AT_ONCE_MS;
}

function pollMs({ scenario }: Simulation): number {
  return scenario.faultRates.verySlow > 0 || scenario.sleeps > 0 ? SLOW_POLL_MS : POLL_MS;
}
