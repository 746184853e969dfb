import type { Task } from '@querator/core';
import type { Simulation } from '../system/simulation.ts';

/** Milliseconds between two moves. */
const BETWEEN_MS = 2_500;
/** Milliseconds after which a move is cancelled. */
const CANCEL_AFTER_MS = 300;

/** Moves partitions between the disks, and cancels some moves. */
export async function moveALot(simulation: Simulation, client: string): Promise<void> {
  const { dice, scheduler, scenario, disks } = simulation;
  for (let move = 0; move < scenario.moves; move++) {
    await scheduler.sleep(dice.between(0, BETWEEN_MS));
    const queue = dice.pick(['jobs', 'jobs', 'jobs', 'dead'] as const);
    const partition = dice.whole(0, (scenario[queue].requestedPartitions ?? 1) - 1);
    const storage = dice.pick(disks.map(({ name }) => name));
    const request = { kind: 'move-partition' as const, queue, partition, storage };
    const answer = await simulation.ask(client, simulation.anyEngine(), request);
    if (answer?.how !== 'ok' || !dice.chance(0.2)) continue;
    await scheduler.sleep(dice.between(0, CANCEL_AFTER_MS));
    const { id } = answer.value as Task;
    await simulation.ask(client, simulation.anyEngine(), { kind: 'cancel-task', queue, id });
  }
}
