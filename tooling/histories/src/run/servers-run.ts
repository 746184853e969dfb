import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '@querator/core/testing';
import { DEFAULT_ALLOWANCES } from '../checker/allowances.ts';
import type { History } from '../history/history.ts';
import { httpCalls } from '../history/http-calls.ts';
import { httpLetterCalls } from '../history/http-letter-calls.ts';
import { Recorder } from '../history/recorder.ts';
import { chooseFaults } from './choose-faults.ts';
import { drain } from './drain.ts';
import { type DatabaseUnderTest, type Fault, failOver, type RunUnderTest } from './faults.ts';
import type { LateSchedules } from './late-schedules.ts';
import { PostgresMoves } from './postgres-moves.ts';
import { ReleaseWatch } from './release-watch.ts';
import { spreadSeed } from './spread-seed.ts';
import type { Stage } from './stage.ts';
import { Workload } from './workload.ts';

/** The options of a run of servers in their own processes. */
export interface ServersRunOptions {
  readonly seed: number;
  readonly origin: string;
  /** The initial time without faults and undone leases, in which order is checked in full. 0: none. */
  readonly calmMs: number;
  /** The number of faults, one after the other. */
  readonly faults: number;
  /** The number of failovers among them; 0 by default. */
  readonly failovers?: number;
  /** The kinds of the other faults. */
  readonly kinds: readonly Fault[];
  /** The time limit for emptying the queue at the end. */
  readonly drainMs?: number;
  readonly partitions: number;
  /** As that of the stage. */
  readonly maxAttempts: number | undefined;
  /** Whether partitions move to the second storage of the stage, and back. */
  readonly moves: boolean;
  /** Undefined: the servers have no database that faults could concern. */
  readonly database?: DatabaseUnderTest;
  /** Makes late schedules. Undefined: there are none. */
  readonly schedules?: (random: SeededRandom) => Promise<LateSchedules>;
}

export const LEASE_TIMEOUT_MS = 1_500;
/** How often an item is leased in runs with a dead-letter queue. */
export const MAX_ATTEMPTS = 3;
export const TIMES = { leaseMs: 4_000, otherMs: 4_000, marginMs: 1_000 };
const DRAIN_MS = 60_000;
const BETWEEN_FAULTS_MS = 700;
/** The longest extension of the calm time after undone leases. */
const MOST_UNDONE_MS = 8_000;
const ASK_EVERY_MS = 250;

/**
 * Runs the servers of a stage. Clients work, first without faults, then with one fault
 * after the other, chosen by the seed. At the end the queue is drained.
 *
 * @returns the history, also of a run that broke off.
 */
export async function serversRun(stage: Stage, options: ServersRunOptions): Promise<History> {
  const { seed, origin, calmMs, faults, failovers = 0, kinds, drainMs = DRAIN_MS } = options;
  const { partitions, maxAttempts, database } = options;
  const random = new SeededRandom(spreadSeed(seed, 0));
  const recorder = new Recorder();
  const callsOn = (queue: string) => () =>
    stage.instances.map(({ url }) => httpCalls(url, queue, TIMES, maxAttempts !== undefined));
  const connect = callsOn('q');
  const operator = () => stage.instances.map(({ url }) => httpLetterCalls(url, 'dead', TIMES));
  const deadLetters =
    maxAttempts === undefined ? undefined : { operator, consumer: callsOn('dead'), deletes: 0.15 };
  const workload = new Workload(recorder, connect, {
    ...{ seed, producers: 4, consumers: 6, batch: 40, leaseTimeoutMs: LEASE_TIMEOUT_MS },
    ...{ backlog: 800, thinkMs: 10 },
    // In half of the runs producers are slow, so that consumers wait and get new items at once.
    producerThinkMs: random.fraction() < 0.5 ? 10 : 120,
    clears: random.fraction() < 0.3 ? 0.002 : 0,
    transactions: () => stage.outbox?.client(),
    deadLetters,
  });
  const watch = new ReleaseWatch(recorder, stage.instances, 'q');
  const moves = options.moves
    ? new PostgresMoves(stage, {
        recorder,
        seed,
        times: TIMES,
        partitions,
        letters: deadLetters !== undefined,
      })
    : undefined;
  let drained = false;
  let movedItems: History['movedItems'];
  let firings: History['firings'];
  const brokenOff = await reasonOf(async () => {
    await watch.start(ASK_EVERY_MS);
    workload.start();
    await calm(recorder, watch, calmMs, partitions);
    const schedules = await options.schedules?.(new SeededRandom(spreadSeed(seed, 600)));
    await schedules?.begin();
    await moves?.begin();
    const run: RunUnderTest = { ...stage, database, random, leaseTimeoutMs: LEASE_TIMEOUT_MS };
    const certain = Array.from({ length: failovers }, () => failOver);
    for (const fault of chooseFaults(seed, faults, kinds, certain)) {
      await recorder.disturb(fault.name, () => fault.strike(run));
      await schedules?.interfere();
      await delay(random.fraction() * BETWEEN_FAULTS_MS);
    }
    await moves?.stop();
    await workload.stop();
    movedItems = await moves?.finish();
    const finished = await schedules?.finish();
    firings = finished?.firings;
    const onTheirWay = async () =>
      ((await stage.outbox?.rows()) ?? 0) + ((await operator()[0]?.running()) ?? 0);
    const toDrain = { queue: connect(), letters: deadLetters?.consumer() ?? [], onTheirWay };
    drained = (await drain(recorder, toDrain, drainMs)) && (finished?.isDone ?? true);
  });
  // After any error: stop recording, and leave nothing running.
  const reasons = [
    brokenOff,
    await reasonOf(async () => moves?.stop()),
    await reasonOf(() => workload.stop()),
    await reasonOf(() => watch.stop()),
    await reasonOf(() => stage.tearDown()),
  ];
  const reason = reasons.find((each) => each !== undefined);
  const about = {
    origin,
    partitions,
    leaseTimeoutMs: LEASE_TIMEOUT_MS,
    maxAttempts,
    drained,
    firings,
    movedItems,
  };
  return recorder.history(reason === undefined ? about : { ...about, brokenOff: reason });
}

/** @returns the error of some work, if it fails. */
async function reasonOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

/**
 * Waits for the time without faults. It starts again after servers have undone
 * leases, as they do while their first statements are slow, but not forever.
 * Several partitions take longer, until the servers can report that they have
 * undone none.
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
