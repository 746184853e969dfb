import type { LeasedItem } from '@querator/core';
import { leasedOf, type Request } from '../request.ts';
import type { Simulation } from '../system/simulation.ts';

/** Leases items, sometimes extends the leases, then completes, retries or forgets them, on time or too late. */
export async function consumeALot(simulation: Simulation, client: string): Promise<void> {
  const { dice, scheduler, scenario } = simulation;
  // How an engine handles items that slept with it shows only after the other engines have served others.
  for (let turn = 0; turn < scenario.turns || simulation.anySleeps; turn++) {
    await scheduler.sleep(dice.pick([0, 0, dice.between(0, 20), dice.between(0, 800)]));
    const request: Request = {
      kind: 'lease',
      queue: dice.chance(turn < scenario.turns ? 0.15 : 0.5) ? 'dead' : 'jobs',
      // Sometimes two requests have the same client id.
      clientId: dice.chance(0.05) ? 'namesake' : `${client}-${turn}`,
      timeoutMs: dice.pick([10, 200, 1_000, 4_000]),
      limit: dice.pick([1, 1, 2, 5]),
    };
    const leaveAfterMs = dice.chance(0.2)
      ? dice.pick([dice.between(0, 10), dice.between(0, 600)])
      : undefined;
    const answer = await simulation.ask(client, simulation.anyEngine(), request, leaveAfterMs);
    if (answer === undefined) continue;
    const { partition, items } = leasedOf(answer);
    if (items.length > 0) await work(simulation, client, { queue: request.queue, partition, items });
  }
}

interface Hand {
  readonly queue: string;
  readonly partition: number;
  readonly items: readonly LeasedItem[];
}

async function work(
  simulation: Simulation,
  client: string,
  { queue, partition, items }: Hand,
): Promise<void> {
  const { dice, scheduler } = simulation;
  // Some consumers wait until their leases have ended.
  await scheduler.sleep(dice.pick([0, dice.between(0, 30), dice.between(0, 400), dice.between(0, 6_000)]));
  const ids = items.map(({ id }) => id);
  if (dice.chance(0.3)) {
    const leaseMs = dice.pick([300, 2_000, 6_000]);
    await insist(simulation, client, { kind: 'extend', queue, partition, ids, leaseMs });
    await scheduler.sleep(dice.pick([0, dice.between(0, 400), dice.between(0, 8_000)]));
  }
  switch (dice.weighted({ complete: 6, piecemeal: 1, retry: 2, kill: 1, forget: 1 })) {
    case 'complete':
      return insist(simulation, client, { kind: 'complete', queue, partition, ids });
    case 'piecemeal':
      await Promise.all(
        ids.map((id) => insist(simulation, client, { kind: 'complete', queue, partition, ids: [id] })),
      );
      return;
    case 'retry': {
      const retryAt = dice.chance(0.4) ? scheduler.instant(dice.whole(0, 2_000)) : undefined;
      const retried = ids.map((id) => ({ id, retryAt, dead: false }));
      return insist(simulation, client, { kind: 'retry', queue, partition, items: retried });
    }
    case 'kill': {
      const killed = ids.map((id, n) => ({ id, dead: n % 2 === 0 }));
      return insist(simulation, client, { kind: 'retry', queue, partition, items: killed });
    }
    case 'forget':
      return;
  }
}

/** Repeats a request that was answered with "try again", at any engine. */
async function insist(simulation: Simulation, client: string, request: Request): Promise<void> {
  const { dice, scheduler } = simulation;
  for (let attempt = 0; attempt < 3; attempt++) {
    const answer = await simulation.ask(client, simulation.anyEngine(), request);
    const isLost = answer === undefined || answer.how === 'cut' || answer.how === 'left';
    const again = isLost || (answer.how === 'error' && answer.code === 'retry');
    if (!again) return;
    await scheduler.sleep(dice.between(10, 800));
  }
}
