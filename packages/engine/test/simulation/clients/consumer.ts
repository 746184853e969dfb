import type { LeasedItem } from '@querator/core';
import { leasedOf, type Request } from '../request.ts';
import type { World } from '../world/world.ts';

/** Leases items, and does to them all that consumers do, diligent and careless ones. */
export async function consumeALot(world: World, client: string): Promise<void> {
  const { dice, scheduler, setting } = world;
  // What a process makes of things that slept shows only where the others have served meanwhile.
  for (let turn = 0; turn < setting.turns || world.someoneSleeps; turn++) {
    await scheduler.sleep(dice.pick([0, 0, dice.between(0, 20), dice.between(0, 800)]));
    const request: Request = {
      kind: 'lease',
      queue: dice.chance(turn < setting.turns ? 0.15 : 0.5) ? 'dead' : 'jobs',
      // Now and then it meets a namesake.
      clientId: dice.chance(0.05) ? 'namesake' : `${client}-${turn}`,
      timeoutMs: dice.pick([10, 200, 1_000, 4_000]),
      limit: dice.pick([1, 1, 2, 5]),
    };
    const leaveAfterMs = dice.chance(0.2)
      ? dice.pick([dice.between(0, 10), dice.between(0, 600)])
      : undefined;
    const answer = await world.ask(client, world.anyEngine(), request, leaveAfterMs);
    if (answer === undefined) continue;
    const { partition, items } = leasedOf(answer);
    if (items.length > 0) await work(world, client, { queue: request.queue, partition, items });
  }
}

interface Hand {
  readonly queue: string;
  readonly partition: number;
  readonly items: readonly LeasedItem[];
}

async function work(world: World, client: string, { queue, partition, items }: Hand): Promise<void> {
  const { dice, scheduler } = world;
  // Some dawdle until their leases have run out.
  await scheduler.sleep(dice.pick([0, dice.between(0, 30), dice.between(0, 400), dice.between(0, 6_000)]));
  const ids = items.map(({ id }) => id);
  switch (dice.weighted({ complete: 6, piecemeal: 1, retry: 2, kill: 1, forget: 1 })) {
    case 'complete':
      return insist(world, client, { kind: 'complete', queue, partition, ids });
    case 'piecemeal':
      await Promise.all(
        ids.map((id) => insist(world, client, { kind: 'complete', queue, partition, ids: [id] })),
      );
      return;
    case 'retry': {
      const retryAt = dice.chance(0.4) ? scheduler.instant(dice.whole(0, 2_000)) : undefined;
      const retried = ids.map((id) => ({ id, retryAt, dead: false }));
      return insist(world, client, { kind: 'retry', queue, partition, items: retried });
    }
    case 'kill': {
      const killed = ids.map((id, n) => ({ id, dead: n % 2 === 0 }));
      return insist(world, client, { kind: 'retry', queue, partition, items: killed });
    }
    case 'forget':
      return;
  }
}

/** Asks again where it was told to try again, at whatever engine. */
async function insist(world: World, client: string, request: Request): Promise<void> {
  const { dice, scheduler } = world;
  for (let attempt = 0; attempt < 3; attempt++) {
    const answer = await world.ask(client, world.anyEngine(), request);
    const isLost = answer === undefined || answer.how === 'cut' || answer.how === 'left';
    const again = isLost || (answer.how === 'error' && answer.code === 'retry');
    if (!again) return;
    await scheduler.sleep(dice.between(10, 800));
  }
}
