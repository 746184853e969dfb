import type { StoredItem } from '@querator/core';
import type { Request } from '../request.ts';
import type { Simulation } from '../system/simulation.ts';

/** Reads queues, and in some runs changes and deletes them. */
export async function operateALot(simulation: Simulation, client: string): Promise<void> {
  const { dice, scheduler, scenario } = simulation;
  for (let turn = 0; turn < scenario.turns; turn++) {
    await scheduler.sleep(dice.between(0, 1_500));
    const engine = simulation.anyEngine();
    if (scenario.tampering && dice.chance(0.4)) {
      for (const request of await tampering(simulation, client))
        await simulation.ask(client, engine, request);
    } else {
      await simulation.ask(client, engine, looking(simulation));
    }
  }
}

function looking({ dice, scenario }: Simulation): Request {
  const queue = dice.pick(['jobs', 'dead', 'side']);
  const partition = dice.whole(0, (scenario.jobs.requestedPartitions ?? 1) - 1);
  return dice.pick<Request>([
    { kind: 'stats', queue },
    { kind: 'reload', queue },
    { kind: 'info', queue },
    { kind: 'list-items', queue, partition },
  ]);
}

async function tampering(simulation: Simulation, client: string): Promise<readonly Request[]> {
  const { dice, scenario } = simulation;
  const queue = dice.pick(['jobs', 'jobs', 'dead']);
  switch (dice.weighted({ update: 3, clear: 1, delete: 2, side: 3, recreate: 1, recreateEmpty: 1 })) {
    case 'update': {
      const maxAttempts = dice.whole(0, 3);
      const leaseTimeout = dice.pick(['900ms', '2500ms']);
      const deadQueue = dice.pick(['', scenario.jobs.deadQueue ?? '']);
      return [
        {
          kind: 'update',
          queue: 'jobs',
          settings: { ...scenario.jobs, maxAttempts, leaseTimeout, deadQueue },
        },
      ];
    }
    case 'clear':
      return [
        { kind: 'clear', queue, waiting: true, scheduled: dice.chance(0.5), destructive: dice.chance(0.5) },
      ];
    case 'delete': {
      const answer = await simulation.ask(client, simulation.anyEngine(), {
        kind: 'list-items',
        queue,
        partition: 0,
      });
      const items = answer?.how === 'ok' ? (answer.value as readonly StoredItem[]) : [];
      const ids = items.filter(() => dice.chance(0.3)).map(({ id }) => id);
      return ids.length === 0 ? [] : [{ kind: 'delete-items', queue, partition: 0, ids }];
    }
    case 'side':
      return dice.chance(0.5)
        ? [{ kind: 'create', queue: 'side', settings: {} }]
        : [{ kind: 'delete-queue', queue: 'side', force: true }];
    case 'recreate':
      return [
        { kind: 'delete-queue', queue, force: true },
        { kind: 'create', queue, settings: queue === 'jobs' ? scenario.jobs : scenario.dead },
      ];
    case 'recreateEmpty':
      return [
        { kind: 'delete-queue', queue, force: true, onlyEmpty: true },
        { kind: 'create', queue, settings: queue === 'jobs' ? scenario.jobs : scenario.dead },
      ];
  }
}
