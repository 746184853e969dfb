import { setTimeout as delay } from 'node:timers/promises';
import { MOVE_STORE, SystemClock } from '@querator/core';
import { type FaultyStorage, SeededRandom } from '@querator/core/testing';
import type { EngineObserver, Service } from '@querator/engine';
import type { History } from '../history/history.ts';
import { Recorder } from '../history/recorder.ts';
import { serviceCalls } from '../history/service-calls.ts';
import { serviceItemMoveCalls } from '../history/service-item-move-calls.ts';
import { serviceLetterCalls } from '../history/service-letter-calls.ts';
import { serviceMoveCalls } from '../history/service-move-calls.ts';
import { drain } from './drain.ts';
import { ItemMover } from './item-mover.ts';
import { JumpingClock } from './jumping-clock.ts';
import { FAULT_KINDS, type FaultyOperation, type MemoryFault, OPERATIONS } from './memory-faults.ts';
import { memorySchedules } from './memory-schedules.ts';
import { MEMORY_STORAGES, type MemoryStage, type QueueOn, setUpMemoryStage } from './memory-stage.ts';
import { oneOf } from './one-of.ts';
import { PartitionMover } from './partition-mover.ts';
import { ReleaseWatch } from './release-watch.ts';
import { spreadSeed } from './spread-seed.ts';
import { LONGEST_SCHEDULE_MS, Workload } from './workload.ts';

const LEASE_TIMEOUT_MS = 120;
const MAX_ATTEMPTS = 3;
const CLAIMS_END_MS = 40_000;
/** Counted in operations, so that the load of the machine does not matter. */
const CALM_OPERATIONS = 400;
const OPERATIONS_PER_FAULT = 60;
const TIME_LIMIT_MS = 5_000;
const FAULTS = 6;
/** The longest wait for a call that a fault of a task or a schedule affects. */
const MOST_WAIT_MS = 300;
const ASK_EVERY_MS = 20;
/** The longest pause between two moves. */
const BETWEEN_MOVES_MS = 60;
/** Longer than any lease waits while producers work, since a timeout excuses too much. */
const TIMES = { leaseMs: 4_000, otherMs: 2_000, marginMs: 0 };
/** Dead items count until they have moved, and cannot be leased meanwhile. */
const DRAIN_TIMES = { ...TIMES, leaseMs: 200 };
/** Both store items with keys. The second one leases them too, and fails together with the first one. */
const KEYED = ['produceKeyed', 'produceKeyedAndLease'] as const;
/** Those of schedules that fire. */
const FIRING = ['produceKeyed'] as const;
/** Those of moves. */
const MOVE_OPERATIONS = Object.keys(MOVE_STORE) as (keyof typeof MOVE_STORE)[];
/** Those of tasks that return letters, or move items to another queue. */
const TRANSFER_OPERATIONS = {
  'same storage': ['transfer'],
  'another storage': [
    ...(['takeItems', 'takenItems', 'markTaken', 'returnTaken', 'removeTaken'] as const),
    ...(['prepareLetters', 'commitLetters', 'abortLetters'] as const),
  ],
} as const;

/**
 * Runs the engine on memory in this process, in about two seconds. Storage calls
 * fail at random, without effect or with an unknown one.
 *
 * @param drainMs the time limit for emptying the queue at the end.
 * @param often every second fault is this one.
 */
export async function memoryRun(
  seed: number,
  origin: string,
  drainMs: number,
  often?: MemoryFault,
): Promise<History> {
  // The clock's timers do not keep the process alive.
  const alive = setInterval(() => {}, 1_000);
  try {
    return await run(seed, origin, drainMs, often);
  } finally {
    clearInterval(alive);
  }
}

async function run(seed: number, origin: string, drainMs: number, often?: MemoryFault): Promise<History> {
  const random = new SeededRandom(spreadSeed(seed, 0));
  const clock = new JumpingClock(new SystemClock());
  const { partitions, letters, itemMoves, schedules: hasSchedules, moves } = shapeOf(seed);
  let released = 0;
  const count: EngineObserver['items'] = (_queue, event, items) => {
    if (event === 'released') released += items;
  };
  const stage = await setUpMemoryStage({
    ...{ clock, random, items: count, partitions, leaseTimeoutMs: LEASE_TIMEOUT_MS, letters },
    ...{ itemMoves, schedules: hasSchedules, moves },
  });
  const { services, storages } = stage;
  const [service] = services;
  const schedules =
    services.length > 1 ? await memorySchedules(stage, new SeededRandom(spreadSeed(seed, 600))) : undefined;
  const recorder = new Recorder();
  const isDetailed = letters !== undefined;
  const how = { details: isDetailed, aheadMs: () => clock.aheadMs };
  const callsOn =
    (queue: string, times = TIMES) =>
    () =>
      [1, 2].map(() => serviceCalls(service, queue, times, how));
  const connect = callsOn('q');
  const operator = serviceLetterCalls(service, 'dead');
  const { deletes = 0, maxAttempts } = letters ?? {};
  const deadLetters = letters && { operator: () => [operator], consumer: callsOn('dead'), deletes };
  // A clear may explain what became of an item that a task should have returned.
  const workload = new Workload(recorder, connect, {
    ...{ seed, producers: 3, consumers: 3, batch: 8, leaseTimeoutMs: LEASE_TIMEOUT_MS },
    ...{ backlog: 60, thinkMs: 2, producerThinkMs: 2, clears: isDetailed || seed % 2 === 0 ? 0 : 0.03 },
    deadLetters,
  });
  // All clients use one service, which is never restarted.
  const counting = { process: 1, released: async () => released };
  const watch = new ReleaseWatch(recorder, [counting, counting], 'q');
  await watch.start(ASK_EVERY_MS);
  workload.start();
  await operationsMore(recorder, CALM_OPERATIONS);
  await schedules?.begin();
  const itemMover = itemMoves && itemMoverOf(stage, itemMoves);
  await itemMover?.begin();
  const mover = moves ? moverOf(recorder, service, seed, partitions) : undefined;
  mover?.start();
  const strike = strikesOn(recorder, storages, partitions);
  // Of its own, so that the rest of a run does not depend on it.
  const ofMoves = new SeededRandom(spreadSeed(seed, 800));
  const special = specialOperations(letters?.on, schedules !== undefined, mover !== undefined);
  for (let n = 0; n < FAULTS; n++) {
    await strike(chooseFault(random, n % 2 === 0 ? often : undefined), 0, random);
    // Half as many, since each stops the partition for a while.
    if (special.length > 0 && n % 2 === 0) {
      const fault = { operation: oneOf(special, random), kind: oneOf(FAULT_KINDS, random) };
      await strike(fault, MOST_WAIT_MS, random);
    }
    if (itemMoves !== undefined && n % 2 === 1) {
      const operation = oneOf(TRANSFER_OPERATIONS[itemMoves], ofMoves);
      await strike({ operation, kind: oneOf(FAULT_KINDS, ofMoves) }, MOST_WAIT_MS, ofMoves);
    }
    await operationsMore(recorder, OPERATIONS_PER_FAULT);
  }
  await mover?.stop();
  await itemMover?.stop();
  await workload.stop();
  if (isDetailed) {
    // Leases end, and scheduled items become available. Claims of dead items whose moves failed last for longer.
    await delay(LONGEST_SCHEDULE_MS + 2 * LEASE_TIMEOUT_MS);
    clock.jump(CLAIMS_END_MS);
  }
  const drainOn = (queue: string) => callsOn(queue, DRAIN_TIMES)();
  const onTheirWay = () => operator.running();
  const toDrain = isDetailed
    ? { queue: drainOn('q'), letters: drainOn('dead'), onTheirWay }
    : { queue: connect(), onTheirWay };
  const movedItems = await itemMover?.finish();
  const finished = await schedules?.finish();
  const isDrained = await drain(recorder, toDrain, drainMs);
  await watch.stop();
  for (const each of services) await each.shutdown();
  const drained = isDrained && finished?.isDone !== false;
  const { firings } = finished ?? {};
  const about = { origin, partitions, leaseTimeoutMs: LEASE_TIMEOUT_MS, drained };
  return recorder.history({ ...about, maxAttempts, firings, movedItems });
}

/** What makes the calls of one operation fail for a while, on one of the partitions. */
function strikesOn(recorder: Recorder, storages: readonly FaultyStorage[], partitions: number) {
  return async ({ operation, kind }: MemoryFault, mostWaitMs: number, random: SeededRandom) => {
    const partition = Math.floor(random.fraction() * partitions);
    await recorder.disturb(`${operation} of partition ${partition}: ${kind}`, async () => {
      const faults = faultsOf(operation, storages);
      const before = callsOf(faults);
      for (const { storage, each } of faults) storage.fail(each, partition, kind);
      await delay(random.fraction() * 40);
      // Tasks and schedules do not run all the time.
      const until = recorder.now() + mostWaitMs;
      while (callsOf(faults) === before && recorder.now() < until) await delay(2);
      for (const storage of storages) storage.heal(partition);
    });
  };
}

/** Takes the same numbers from `random` whether one is wanted or not: the rest of the run depends on them. */
function chooseFault(random: SeededRandom, wanted: MemoryFault | undefined): MemoryFault {
  const chosen = { operation: oneOf(OPERATIONS, random), kind: oneOf(FAULT_KINDS, random) };
  return wanted ?? chosen;
}

/** What a run has, by its seed. */
function shapeOf(seed: number) {
  const [letters, schedules, moves] = [lettersOf(seed), seed % 3 === 1, seed % 3 === 0];
  return { partitions: moves ? 2 : 1, letters, itemMoves: itemMovesOf(seed), schedules, moves };
}

/** Tasks that move items between a queue of the first storage and another one. */
function itemMoverOf({ services, createQueue }: MemoryStage, on: QueueOn): ItemMover {
  const create = (queueName: string) => createQueue(queueName, queueName === 'there' ? on : 'same storage');
  return new ItemMover([serviceItemMoveCalls(services[0], create)]);
}

/** An operator who moves the partitions of `q`. */
function moverOf(recorder: Recorder, service: Service, seed: number, partitions: number): PartitionMover {
  return new PartitionMover({
    ...{ recorder, calls: [serviceMoveCalls(service)], storages: MEMORY_STORAGES },
    places: Array.from({ length: partitions }, (_, partition) => ({ queueName: 'q', partition })),
    ...{ random: new SeededRandom(spreadSeed(seed, 700)), pauseMs: BETWEEN_MOVES_MS },
  });
}

/** The operations of what only some runs have. */
function specialOperations(
  letters: QueueOn | undefined,
  schedules: boolean,
  moves: boolean,
): readonly FaultyOperation[] {
  if (moves) return MOVE_OPERATIONS;
  if (letters !== undefined) return TRANSFER_OPERATIONS[letters];
  return schedules ? FIRING : [];
}

/** The dead-letter queue of every third seed. */
function lettersOf(seed: number) {
  if (seed % 3 !== 2) return undefined;
  const on: QueueOn = seed % 2 === 0 ? 'same storage' : 'another storage';
  // Deleted letters may explain what became of others, so most runs have none.
  return { on, maxAttempts: MAX_ATTEMPTS, deletes: seed % 12 === 8 || seed % 12 === 11 ? 0.3 : 0 };
}

/** Items move between two queues with every third seed, those of schedules. */
function itemMovesOf(seed: number): QueueOn | undefined {
  if (seed % 3 !== 1) return undefined;
  return seed % 2 === 0 ? 'same storage' : 'another storage';
}

interface FailingCall {
  readonly storage: FaultyStorage;
  readonly each: FaultyOperation | 'produceKeyedAndLease';
}

function callsOf(faults: readonly FailingCall[]): number {
  return faults.reduce((sum, { storage, each }) => sum + storage.count(each), 0);
}

/** What fails together, on which storages. */
function faultsOf(operation: FaultyOperation, storages: readonly FaultyStorage[]): readonly FailingCall[] {
  const failing: readonly FailingCall['each'][] = operation === 'produceKeyed' ? KEYED : [operation];
  return storages.flatMap((storage) => failing.map((each) => ({ storage, each })));
}

/** Waits for `count` more operations, or until a time limit, since a bad variant may stop working. */
async function operationsMore(recorder: Recorder, count: number): Promise<void> {
  const wanted = recorder.operations.length + count;
  const until = recorder.now() + TIME_LIMIT_MS;
  while (recorder.operations.length < wanted && recorder.now() < until) await delay(5);
}
