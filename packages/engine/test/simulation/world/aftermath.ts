import type { Stay } from '../history.ts';
import { leasedOf, type Request } from '../request.ts';
import type { EngineProcess } from './engine-process.ts';
import { stop } from './mishaps.ts';
import { LETTER_AUTO_COMMIT_MS } from './setting.ts';
import { checkWaking } from './waking.ts';
import type { World } from './world.ts';

const QUEUES = ['jobs', 'dead'] as const;
/** Failing partitions are probed at least this often. */
const RECOVERY_MS = 6_000;
/**
 * By then everything has been handed out: what a dead engine claimed has been
 * found by the others' idle sweeps (a minute) and its claim has run out (half
 * a minute), and looks that storage slowed down have found their pace again;
 * and letters whose originals an operator took away are held no longer.
 */
const DRAIN_MS = 200_000 + LETTER_AUTO_COMMIT_MS;
const SETTLE_MS = 3_000;

/**
 * The sky clears: all storage answers, all engines run. Now everything has to
 * come to its end, and the engines to work as if nothing had happened.
 */
export async function aftermath(world: World): Promise<void> {
  world.tell('the sky clears');
  world.weather.clearUp();
  world.signals?.clearUp();
  world.engines.forEach((process, place) => {
    if (!process.alive) world.start(place);
  });
  await world.scheduler.sleep(RECOVERY_MS);
  for (const queue of ['dead', 'jobs'] as const) await restore(world, queue);
  await drain(world);
  await checkWaking(world);
  await world.scheduler.sleep(SETTLE_MS);
  expectNothingWaits(world);
  for (const process of world.engines) await stop(world, process);
  // Long enough for anything forgotten to show itself.
  await world.scheduler.sleep(SETTLE_MS);
}

/** Operators may have changed or deleted a queue; it may not have been created at all. */
async function restore(world: World, queue: 'jobs' | 'dead'): Promise<void> {
  const engine = world.engines[0] as EngineProcess;
  const settings = world.setting[queue];
  const created = await world.ask('restorer', engine, { kind: 'create', queue, settings });
  if (created?.how === 'ok') return;
  const updated = await world.ask('restorer', engine, { kind: 'update', queue, settings });
  if (updated?.how !== 'ok') world.object(`queue ${queue} can neither be created nor updated`);
}

async function drain(world: World): Promise<void> {
  const until = world.scheduler.nowMs + DRAIN_MS;
  const isEmpty = () => left(world).length === 0;
  const consumers = world.engines.flatMap((engine) =>
    QUEUES.map(async (queue) => {
      const client = `drain-${engine.name}-${queue}`;
      while (!isEmpty() && world.scheduler.nowMs < until) {
        const lease: Request = { kind: 'lease', queue, timeoutMs: 5_000, clientId: client, limit: 10 };
        const answer = await world.ask(client, engine, lease);
        const { partition, items } = leasedOf(answer ?? { how: 'cut' });
        const ids = items.map(({ id }) => id);
        if (ids.length > 0) await world.ask(client, engine, { kind: 'complete', queue, partition, ids });
        else if (answer?.how !== 'ok') await world.scheduler.sleep(100);
      }
    }),
  );
  await Promise.all(consumers);
  for (const stay of left(world)) {
    world.object(`item ${stay.name} (${stay.id}) is ${stay.state} for good, and nobody gets it`);
  }
}

function left(world: World): Stay[] {
  return world.disks.flatMap((disk) => [...disk.places].flatMap((place) => disk.stays(place)));
}

/** Every request has been answered, so no engine may think that one waits. */
function expectNothingWaits(world: World): void {
  for (const { name, service } of world.engines) {
    for (const [queue, counts] of service.waiting()) {
      for (const [kind, count] of Object.entries(counts)) {
        if (count !== 0) world.object(`${name} counts ${kind} ${count} in ${queue}, and nobody waits`);
      }
    }
  }
}
