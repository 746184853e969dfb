import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from '@querator/client';
import { SeededRandom } from '@querator/core/testing';
import { createTestDatabase } from '@querator/tooling-postgres';
import { freePorts } from '@querator/tooling-processes';
import { DEFAULT_ALLOWANCES } from '../checker/allowances.ts';
import type { History } from '../history/history.ts';
import { httpCalls } from '../history/http-calls.ts';
import { Recorder } from '../history/recorder.ts';
import { chooseFaults } from './choose-faults.ts';
import { drain } from './drain.ts';
import { type DatabaseUnderTest, FAULTS, type Fault, failOver, type RunUnderTest } from './faults.ts';
import { Instance } from './instance.ts';
import { ReleaseWatch } from './release-watch.ts';
import { spreadSeed } from './spread-seed.ts';
import { Way } from './way.ts';
import { Workload } from './workload.ts';

/** What a run on PostgreSQL is made of. */
export interface PostgresRunOptions {
  readonly seed: number;
  readonly origin: string;
  readonly instances: number;
  /** How long nothing is disturbed at first, and no lease undone: only then order is judged in full. 0: faults begin at once. */
  readonly calmMs: number;
  /** How many faults, one after the other. */
  readonly faults: number;
  /** How many of them are failovers; absent: none. */
  readonly failovers?: number;
  /** What the others are chosen from. */
  readonly kinds?: readonly Fault[];
  /** How long the queue may take to be emptied at the end. */
  readonly drainMs?: number;
  /** A known-bad variant of the engine. */
  readonly variant?: string;
}

const LEASE_TIMEOUT_MS = 1_500;
const TIMES = { leaseMs: 4_000, otherMs: 4_000, marginMs: 1_000 };
const DRAIN_MS = 60_000;
const BETWEEN_FAULTS_MS = 700;
/** How much later the first fault strikes where leases are undone. */
const MOST_UNDONE_MS = 8_000;
const ASK_EVERY_MS = 250;

/**
 * A run of several servers, each a process of its own, on one database:
 * clients at work, calm at first, then one fault after the other, all chosen by
 * the seed. At the end everything is mended and the queue drained.
 *
 * @returns what was recorded, of a run that broke off too.
 */
export async function postgresRun(
  database: DatabaseUnderTest,
  options: PostgresRunOptions,
): Promise<History> {
  const { seed, origin, calmMs, faults, failovers = 0, kinds = FAULTS, drainMs = DRAIN_MS } = options;
  const random = new SeededRandom(spreadSeed(seed, 0));
  // Of two seeds in a row each has another, as with several partitions more is excused.
  const partitions = seed % 2 === 1 ? 1 : 3;
  const stage = await setUp(database, options, partitions);
  const recorder = new Recorder();
  const connect = () => stage.instances.map(({ url }) => httpCalls(url, 'q', TIMES));
  const workload = new Workload(recorder, connect, {
    ...{ seed, producers: 4, consumers: 6, batch: 40, leaseTimeoutMs: LEASE_TIMEOUT_MS },
    ...{ backlog: 800, thinkMs: 10 },
    // A queue that runs empty is another thing than one in which items wait: consumers get what is just being produced.
    producerThinkMs: random.fraction() < 0.5 ? 10 : 120,
    clears: random.fraction() < 0.3 ? 0.002 : 0,
  });
  const watch = new ReleaseWatch(recorder, stage.instances, 'q');
  let drained = false;
  const brokenOff = await reasonOf(async () => {
    await watch.start(ASK_EVERY_MS);
    workload.start();
    await calm(recorder, watch, calmMs, partitions);
    const run: RunUnderTest = { ...stage, database, random, leaseTimeoutMs: LEASE_TIMEOUT_MS };
    const certain = Array.from({ length: failovers }, () => failOver);
    for (const fault of chooseFaults(seed, faults, kinds, certain)) {
      await recorder.disturb(fault.name, () => fault.strike(run));
      await delay(random.fraction() * BETWEEN_FAULTS_MS);
    }
    await workload.stop();
    drained = await drain(recorder, connect(), drainMs);
  });
  // Whatever has broken: nothing is recorded any more, and nothing is left running.
  const reasons = [
    brokenOff,
    await reasonOf(() => workload.stop()),
    await reasonOf(() => watch.stop()),
    await reasonOf(() => stage.tearDown()),
  ];
  const reason = reasons.find((each) => each !== undefined);
  const about = { origin, partitions, leaseTimeoutMs: LEASE_TIMEOUT_MS, drained };
  return recorder.history(reason === undefined ? about : { ...about, brokenOff: reason });
}

/** Does something. @returns why it failed, if it did. */
async function reasonOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

/**
 * Waits for a time without faults. Where servers have undone leases, as they do
 * while their first statements are slow, it begins when that has been
 * forgotten; a machine so busy that it never is gets its faults all the same.
 * With several partitions it takes a little longer until the servers can say
 * that they have undone none.
 */
async function calm(
  recorder: Recorder,
  watch: ReleaseWatch,
  calmMs: number,
  partitions: number,
): Promise<void> {
  if (calmMs === 0) return;
  const { sweepMs, headMs } = DEFAULT_ALLOWANCES;
  const holdMs = LEASE_TIMEOUT_MS + sweepMs;
  const leastMs = calmMs + (partitions > 1 ? holdMs : 0);
  const end = () => {
    const forgottenAt = watch.releasedAt === undefined ? 0 : watch.releasedAt + holdMs + headMs;
    return leastMs + Math.min(forgottenAt, MOST_UNDONE_MS);
  };
  while (recorder.now() < end()) await delay(50);
}

interface Stage {
  readonly instances: readonly Instance[];
  readonly ways: readonly Way[];
  tearDown(): Promise<void>;
}

async function setUp(
  server: DatabaseUnderTest,
  { instances: count, variant }: PostgresRunOptions,
  partitions: number,
): Promise<Stage> {
  const database = await createTestDatabase(server.connectionString());
  const ways = await Promise.all(
    Array.from({ length: count }, (_, n) => {
      const own = server.serversOf?.(n) ?? server.servers;
      return Way.open(own.map((each) => databaseOf(each, database.name)));
    }),
  );
  const ports = await freePorts(count);
  const instances = ways.map(
    ({ connectionString }, n) => new Instance(ports[n] ?? 0, connectionString, variant),
  );
  const tearDown = async () => {
    // Killed first: an orderly end would wait for the requests in flight.
    await Promise.all(instances.map((instance) => instance.kill().then(() => instance.stop())));
    await Promise.all(ways.map((way) => way.close()));
    // Another server may take writes by now.
    await database.drop(server.connectionString());
  };
  try {
    await Promise.all(instances.map((instance) => instance.start()));
    await createClient({ endpoint: instances[0]?.url ?? '' }).queues.create({
      ...{ queueName: 'q', leaseTimeout: `${LEASE_TIMEOUT_MS}ms`, expireTimeout: '24h' },
      requestedPartitions: partitions,
    });
  } catch (error) {
    await tearDown();
    throw error;
  }
  return { instances, ways, tearDown };
}

/** A connection string with another database in it. */
function databaseOf(connectionString: string, name: string): string {
  const url = new URL(connectionString);
  url.pathname = `/${name}`;
  return url.href;
}
