import { check } from './checks/all.ts';
import { consumeALot } from './clients/consumer.ts';
import { moveALot } from './clients/mover.ts';
import { operateALot } from './clients/operator.ts';
import { Names, produceALot } from './clients/producer.ts';
import type { History } from './history.ts';
import { Dice } from './system/dice.ts';
import { runIncidents } from './system/incidents.ts';
import { recoverAndDrain } from './system/recovery-phase.ts';
import { type Scenario, scenarioOf } from './system/scenario.ts';
import { SimulatedEventLoop } from './system/simulated-event-loop.ts';
import { Simulation } from './system/simulation.ts';

/** The result of a simulation. */
export interface Outcome {
  readonly scenario: Scenario;
  readonly history: History;
  /** Empty: the run kept all rules. */
  readonly violations: readonly string[];
}

/** In simulated milliseconds. A run takes a few minutes of simulated time. */
const END_OF_TIME_MS = 3_600_000;

/** Simulates a seed, and checks the run. */
export function simulate(seed: number): Promise<Outcome> {
  const eventLoop = new SimulatedEventLoop();
  return eventLoop.run(async () => {
    const dice = new Dice(seed);
    const scenario = scenarioOf(dice);
    const simulation = new Simulation(eventLoop, dice, scenario);
    try {
      await simulation.scheduler.run(() => Promise.race([live(simulation), endOfTime(simulation)]));
    } catch (error) {
      simulation.report(`the simulation breaks off: ${(error as Error).stack}`);
    }
    const { history, violations } = simulation;
    return { scenario, history, violations: [...violations, ...check(history)] };
  });
}

async function live(simulation: Simulation): Promise<void> {
  const { scenario } = simulation;
  const [first] = simulation.engines;
  if (first === undefined) throw new Error('a simulation has an engine');
  for (const queue of ['dead', 'jobs'] as const) {
    await simulation.ask('founder', first, { kind: 'create', queue, settings: scenario[queue] });
  }
  const names = new Names();
  const many = (
    count: number,
    name: string,
    act: (simulation: Simulation, client: string) => Promise<void>,
  ) => Array.from({ length: count }, (_, n) => act(simulation, `${name}-${n + 1}`));
  await Promise.all([
    ...many(scenario.producers, 'producer', (_, client) => produceALot(simulation, client, names)),
    ...many(scenario.consumers, 'consumer', consumeALot),
    ...many(scenario.operators, 'operator', operateALot),
    ...many(scenario.moves > 0 ? 1 : 0, 'mover', moveALot),
    runIncidents(simulation),
  ]);
  await recoverAndDrain(simulation);
}

async function endOfTime(simulation: Simulation): Promise<void> {
  await simulation.scheduler.sleep(END_OF_TIME_MS);
  simulation.report('the simulation does not end');
}
