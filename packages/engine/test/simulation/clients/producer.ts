import type { Simulation } from '../system/simulation.ts';

/** Issues item names, each once. */
export class Names {
  #next = 0;

  take(count: number): string[] {
    return Array.from({ length: count }, () => `i${++this.#next}`);
  }
}

/** Produces items, one request after the other, and ignores the answers. */
export async function produceALot(simulation: Simulation, client: string, names: Names): Promise<void> {
  const { dice, scheduler, scenario } = simulation;
  for (let turn = 0; turn < scenario.turns; turn++) {
    await scheduler.sleep(dice.pick([0, 1, dice.between(0, 50), dice.between(0, 1_500)]));
    const items = names.take(dice.pick([1, 1, 2, 4])).map((name) => ({
      name,
      enqueueAt: dice.chance(0.15) ? scheduler.instant(dice.whole(0, 3_000)) : undefined,
    }));
    const timeoutMs = dice.pick([10, 100, 1_000, 5_000]);
    const leaveAfterMs = dice.chance(0.1) ? dice.between(0, 20) : undefined;
    await simulation.ask(
      client,
      simulation.anyEngine(),
      { kind: 'produce', queue: 'jobs', timeoutMs, items },
      leaveAfterMs,
    );
  }
}
