import type { Dice } from './dice.ts';
import type { EngineProcess } from './engine-process.ts';
import { QUEUES_PLACE } from './engine-storage.ts';
import type { World } from './world.ts';

/** While clients are at work most of the time. */
const DURING_MS = 8_000;
const LONGEST_OUTAGE_MS = 4_000;
const LONGEST_ABSENCE_MS = 2_000;
/** The calls by which dead items are moved: a sleep over one of those is the worst. */
const MOVE = /Letters$|^markMoved$|^remove$/;
/** A process that is told to stop has stopped by then: storage calls have their limit. */
const STOP_LIMIT_MS = 60_000;

/** Outages, crashes, restarts and naps, one after the other and side by side. Resolves when all are over. */
export async function sufferMishaps(world: World): Promise<void> {
  const { outages, crashes, restarts, naps } = world.setting;
  const many = (count: number, mishap: () => Promise<void>) =>
    Array.from({ length: count }, async () => {
      await world.scheduler.sleep(world.dice.between(0, DURING_MS));
      await mishap();
    });
  await Promise.all([
    ...many(outages, () => outage(world)),
    ...many(crashes, () => crash(world)),
    ...many(restarts, () => restart(world)),
    ...many(naps, () => nap(world)),
  ]);
}

async function outage({ dice, weather, scheduler, disks, tell }: World): Promise<void> {
  const places = ['jobs/0', 'jobs/1', 'dead/0', QUEUES_PLACE, ...disks.map(({ name }) => name)];
  const place = dice.pick(places);
  if (weather.isDown(place)) return;
  tell(`${place} goes down`);
  weather.setDown(place, true);
  await scheduler.sleep(dice.between(10, LONGEST_OUTAGE_MS));
  weather.setDown(place, false);
  tell(`${place} is back`);
}

async function crash(world: World): Promise<void> {
  const place = world.dice.whole(0, world.engines.length - 1);
  if (!world.engines[place]?.alive) return;
  world.crash(place);
  await world.scheduler.sleep(world.dice.between(0, LONGEST_ABSENCE_MS));
  world.start(place);
}

async function restart(world: World): Promise<void> {
  const place = world.dice.whole(0, world.engines.length - 1);
  const process = world.engines[place] as EngineProcess;
  if (!process.alive) return;
  await stop(world, process);
  // It may have crashed meanwhile, and another one have taken its place.
  if (world.engines[place] === process && process.alive) world.start(place);
}

/** A process is stopped, as by SIGSTOP, and goes on: between two things that it does, or in the midst of one. */
async function nap(world: World): Promise<void> {
  const { dice, scheduler, history } = world;
  const process = dice.pick(world.engines);
  if (!process.alive || process.asleep) return;
  const canMove = world.setting.jobs.deadQueue !== '';
  const when = dice.weighted({ now: 2, call: 2, move: canMove ? 4 : 0 });
  if (when === 'now') process.sleep();
  else if (!(await fallsAsleepAt(world, process, when === 'move' ? MOVE : /./))) return;
  history.add({ type: 'sleep', engine: process.name });
  await scheduler.sleep(lengthOfNap(dice, when === 'move'));
  if (!process.alive) return;
  history.add({ type: 'wake', engine: process.name });
  process.wake(dice);
}

/** Resolves when the process has fallen asleep over such a call, or it turns out that there is none. */
function fallsAsleepAt({ dice, scheduler }: World, process: EngineProcess, call: RegExp): Promise<boolean> {
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

function lengthOfNap(dice: Dice, duringMove: boolean): number {
  switch (dice.weighted({ short: 3, lease: 4, claim: duringMove ? 10 : 2 })) {
    case 'short':
      return dice.between(20, 1_000);
    case 'lease':
      return dice.between(700, 8_000);
    case 'claim':
      return dice.between(15_000, 50_000);
  }
}

/** Tells a process to stop, and expects it to leave nothing behind. */
export async function stop(world: World, process: EngineProcess): Promise<void> {
  const { history, scheduler } = world;
  world.tell(`${process.name} is told to stop`);
  const { promise: cut, resolve } = Promise.withResolvers<'cut'>();
  const unwatch = process.onCrash(() => resolve('cut'));
  const late = Promise.withResolvers<'late'>();
  const cancelLate = scheduler.after(STOP_LIMIT_MS, () => late.resolve('late'));
  const stopped = new Promise<'stopped'>((resolve) => {
    const shutDown = () => void process.service.shutdown().then(() => resolve('stopped'));
    scheduler.after(0, () => process.hear(shutDown));
  });
  const how = await Promise.race([stopped, cut, late.promise]);
  cancelLate();
  unwatch();
  if (how === 'cut') return;
  if (how === 'late') return world.object(`${process.name} does not stop`);
  history.add({ type: 'stop', engine: process.name });
  const { timers, storageCalls } = process;
  if (timers > 0) world.object(`${process.name} has stopped, and ${timers} of its timers still run`);
  for (const op of storageCalls) world.object(`${process.name} has stopped, and op ${op} of it still runs`);
}
