import type { Dice } from './dice.ts';
import type { EngineProcess } from './engine-process.ts';
import { QUEUES_PLACE, TASKS_PLACE } from './engine-storage.ts';
import type { Simulation } from './simulation.ts';

/** Milliseconds in which clients mostly work. */
const DURING_MS = 8_000;
const LONGEST_OUTAGE_MS = 4_000;
const LONGEST_ABSENCE_MS = 2_000;
/** The calls of a dead-letter move. A sleep at one of them is the worst case. */
const MOVE = /Letters$|^markMoved$|^remove$/;
/** The same of a partition that moves. */
const PARTITION_MOVE = /^move\.|^place$/;
/** Milliseconds within which a process stops, because storage calls have a time limit. */
const STOP_LIMIT_MS = 60_000;

/** Runs outages, crashes, restarts and sleeps, in sequence and side by side. Resolves when all are over. */
export async function runIncidents(simulation: Simulation): Promise<void> {
  const { outages, crashes, restarts, sleeps } = simulation.scenario;
  const many = (count: number, mishap: () => Promise<void>) =>
    Array.from({ length: count }, async () => {
      await simulation.scheduler.sleep(simulation.dice.between(0, DURING_MS));
      await mishap();
    });
  await Promise.all([
    ...many(outages, () => outage(simulation)),
    ...many(crashes, () => crash(simulation)),
    ...many(restarts, () => restart(simulation)),
    ...many(sleeps, () => nap(simulation)),
  ]);
}

async function outage({ dice, faults, scheduler, scenario, disks, note }: Simulation): Promise<void> {
  const tasks = scenario.moves > 0 ? [TASKS_PLACE] : [];
  const places = ['jobs/0', 'jobs/1', 'dead/0', QUEUES_PLACE, ...tasks, ...disks.map(({ name }) => name)];
  const place = dice.pick(places);
  if (faults.isDown(place)) return;
  note(`${place} goes down`);
  faults.setDown(place, true);
  await scheduler.sleep(dice.between(10, LONGEST_OUTAGE_MS));
  faults.setDown(place, false);
  note(`${place} is back`);
}

async function crash(simulation: Simulation): Promise<void> {
  const place = simulation.dice.whole(0, simulation.engines.length - 1);
  if (!simulation.engines[place]?.alive) return;
  simulation.crash(place);
  await simulation.scheduler.sleep(simulation.dice.between(0, LONGEST_ABSENCE_MS));
  simulation.start(place);
}

async function restart(simulation: Simulation): Promise<void> {
  const place = simulation.dice.whole(0, simulation.engines.length - 1);
  const process = simulation.engines[place] as EngineProcess;
  if (!process.alive) return;
  await stop(simulation, process);
  // It may have crashed meanwhile, and another process may run in its place.
  if (simulation.engines[place] === process && process.alive) simulation.start(place);
}

/** Suspends a process, as SIGSTOP does, and resumes it: between two turns, or within one. */
async function nap(simulation: Simulation): Promise<void> {
  const { dice, scheduler, history } = simulation;
  const process = dice.pick(simulation.engines);
  if (!process.alive || process.asleep) return;
  const canMove = simulation.scenario.jobs.deadQueue !== '';
  const { moves } = simulation.scenario;
  const when =
    moves > 0
      ? dice.weighted({ now: 2, call: 2, move: canMove ? 4 : 0, partition: 4 })
      : dice.weighted({ now: 2, call: 2, move: canMove ? 4 : 0 });
  const calls = when === 'partition' ? PARTITION_MOVE : when === 'move' ? MOVE : /./;
  if (when === 'now') process.sleep();
  else if (!(await sleepsAtCall(simulation, process, calls))) return;
  history.add({ type: 'sleep', engine: process.name });
  await scheduler.sleep(sleepMs(dice, when === 'move' || when === 'partition'));
  if (!process.alive) return;
  history.add({ type: 'wake', engine: process.name });
  process.wake(dice);
}

/** Resolves to whether the process fell asleep at such a call. */
function sleepsAtCall(
  { dice, scheduler }: Simulation,
  process: EngineProcess,
  call: RegExp,
): Promise<boolean> {
  return new Promise((resolve) => {
    let left = dice.whole(1, 3);
    const isIt = (name: string) => call.test(name) && --left === 0;
    const takeBack = process.sleepAt(isIt, () => resolve(true));
    scheduler.after(DURING_MS, () => {
      takeBack();
      resolve(false);
    });
  });
}

function sleepMs(dice: Dice, duringMove: boolean): number {
  switch (dice.weighted({ short: 3, lease: 4, claim: duringMove ? 10 : 2 })) {
    case 'short':
      return dice.between(20, 1_000);
    case 'lease':
      return dice.between(700, 8_000);
    case 'claim':
      return dice.between(15_000, 50_000);
  }
}

/** Stops a process, and expects it to leave nothing behind. */
export async function stop(simulation: Simulation, process: EngineProcess): Promise<void> {
  const { history, scheduler } = simulation;
  simulation.note(`${process.name} is told to stop`);
  const { promise: cut, resolve } = Promise.withResolvers<'cut'>();
  const unwatch = process.onCrash(() => resolve('cut'));
  const late = Promise.withResolvers<'late'>();
  const cancelLate = scheduler.after(STOP_LIMIT_MS, () => late.resolve('late'));
  const stopped = new Promise<'stopped'>((resolve) => {
    const shutDown = () => void process.service.shutdown().then(() => resolve('stopped'));
    scheduler.after(0, () => process.receive(shutDown));
  });
  const how = await Promise.race([stopped, cut, late.promise]);
  cancelLate();
  unwatch();
  if (how === 'cut') return;
  if (how === 'late') return simulation.report(`${process.name} does not stop`);
  history.add({ type: 'stop', engine: process.name });
  const { timers, storageCalls } = process;
  if (timers > 0) simulation.report(`${process.name} has stopped, and ${timers} of its timers still run`);
  for (const op of storageCalls)
    simulation.report(`${process.name} has stopped, and op ${op} of it still runs`);
}
