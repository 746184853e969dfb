import type { EngineProcess } from './engine-process.ts';
import { QUEUES_PLACE } from './engine-storage.ts';
import type { World } from './world.ts';

/** While clients are at work most of the time. */
const DURING_MS = 8_000;
const LONGEST_OUTAGE_MS = 4_000;
const LONGEST_ABSENCE_MS = 2_000;
/** A process that is told to stop has stopped by then: storage calls have their limit. */
const STOP_LIMIT_MS = 60_000;

/** Outages, crashes and restarts, one after the other and side by side. Resolves when all are over. */
export async function sufferMishaps(world: World): Promise<void> {
  const { outages, crashes, restarts } = world.setting;
  const many = (count: number, mishap: () => Promise<void>) =>
    Array.from({ length: count }, async () => {
      await world.scheduler.sleep(world.dice.between(0, DURING_MS));
      await mishap();
    });
  await Promise.all([
    ...many(outages, () => outage(world)),
    ...many(crashes, () => crash(world)),
    ...many(restarts, () => restart(world)),
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

/** Tells a process to stop, and expects it to leave nothing behind. */
export async function stop(world: World, process: EngineProcess): Promise<void> {
  const { history, scheduler } = world;
  world.tell(`${process.name} is told to stop`);
  const { promise: cut, resolve } = Promise.withResolvers<'cut'>();
  const unwatch = process.onCrash(() => resolve('cut'));
  const late = Promise.withResolvers<'late'>();
  const cancelLate = scheduler.after(STOP_LIMIT_MS, () => late.resolve('late'));
  const stopped = process.service.shutdown().then(() => 'stopped' as const);
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
