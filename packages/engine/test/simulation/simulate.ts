import { check } from './checks/all.ts';
import { consumeALot } from './clients/consumer.ts';
import { operateALot } from './clients/operator.ts';
import { Names, produceALot } from './clients/producer.ts';
import type { History } from './history.ts';
import { aftermath } from './world/aftermath.ts';
import { ClosedWorld } from './world/closed-world.ts';
import { Dice } from './world/dice.ts';
import { sufferMishaps } from './world/mishaps.ts';
import { type Setting, settingOf } from './world/setting.ts';
import { World } from './world/world.ts';

/** How the simulation of a seed came out. */
export interface Outcome {
  readonly setting: Setting;
  readonly history: History;
  /** Empty: all was as it must be. */
  readonly objections: readonly string[];
}

/** The whole story takes a few minutes of its own time. */
const END_OF_TIME_MS = 3_600_000;

/** Lives through the world of a seed, and judges it. */
export function simulate(seed: number): Promise<Outcome> {
  const closed = new ClosedWorld();
  return closed.run(async () => {
    const dice = new Dice(seed);
    const setting = settingOf(dice);
    const world = new World(closed, dice, setting);
    try {
      await world.scheduler.run(() => Promise.race([live(world), endOfTime(world)]));
    } catch (error) {
      world.object(`the world breaks off: ${(error as Error).stack}`);
    }
    const { history, objections } = world;
    return { setting, history, objections: [...objections, ...check(history)] };
  });
}

async function live(world: World): Promise<void> {
  const { setting } = world;
  const [first] = world.engines;
  if (first === undefined) throw new Error('a world has an engine');
  for (const queue of ['dead', 'jobs'] as const) {
    await world.ask('founder', first, { kind: 'create', queue, settings: setting[queue] });
  }
  const names = new Names();
  const many = (count: number, name: string, act: (world: World, client: string) => Promise<void>) =>
    Array.from({ length: count }, (_, n) => act(world, `${name}-${n + 1}`));
  await Promise.all([
    ...many(setting.producers, 'producer', (_, client) => produceALot(world, client, names)),
    ...many(setting.consumers, 'consumer', consumeALot),
    ...many(setting.operators, 'operator', operateALot),
    sufferMishaps(world),
  ]);
  await aftermath(world);
}

async function endOfTime(world: World): Promise<void> {
  await world.scheduler.sleep(END_OF_TIME_MS);
  world.object('the world does not come to an end');
}
