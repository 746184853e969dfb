import type { Stay } from '../history.ts';
import { leasedOf, type Request } from '../request.ts';
import type { EngineProcess } from './engine-process.ts';
import { stop } from './incidents.ts';
import { LETTER_AUTO_COMMIT_MS } from './scenario.ts';
import type { Simulation } from './simulation.ts';
import { checkWakeUps } from './wake-up-check.ts';

const QUEUES = ['jobs', 'dead'] as const;
/** Failing partitions are probed at least this often. */
const RECOVERY_MS = 6_000;
/**
 * Milliseconds in which all items are handed out. Idle sweeps find the claims
 * of crashed engines after a minute, and the claims end after half a minute.
 * Slow polls reach their normal interval again. Letters whose originals an
 * operator removed commit by themselves.
 */
const DRAIN_MS = 200_000 + LETTER_AUTO_COMMIT_MS;
/** Milliseconds in which moves end that have begun: claims of tasks end, and pauses after failed steps. */
const MOVES_END_MS = 180_000;
const SETTLE_MS = 3_000;
/** How long a deletion of an empty queue keeps it closed at most. */
const CLOSURE_MS = 300_000;

/**
 * Ends all faults: all storage answers, all engines run. All items must then be
 * handed out, and the engines must work as usual.
 */
export async function recoverAndDrain(simulation: Simulation): Promise<void> {
  simulation.note('all faults end');
  simulation.faults.endFaults();
  simulation.signals?.endFaults();
  simulation.engines.forEach((process, place) => {
    if (!process.alive) simulation.start(place);
  });
  await simulation.scheduler.sleep(RECOVERY_MS);
  // Left by an engine that crashed, or by a call that arrived late.
  if (simulation.hasClosedQueue) await simulation.scheduler.sleep(CLOSURE_MS);
  await untilMovesEnd(simulation);
  for (const queue of ['dead', 'jobs'] as const) await restore(simulation, queue);
  await drain(simulation);
  await checkWakeUps(simulation);
  await simulation.scheduler.sleep(SETTLE_MS);
  expectNothingWaits(simulation);
  for (const process of simulation.engines) await stop(simulation, process);
  // Long enough for forgotten work to show.
  await simulation.scheduler.sleep(SETTLE_MS);
}

/** Each move ends, and leaves no partition closed. */
async function untilMovesEnd(simulation: Simulation): Promise<void> {
  const [home] = simulation.disks;
  const until = simulation.scheduler.nowMs + MOVES_END_MS;
  for (;;) {
    const running = simulation.scenario.moves > 0 ? ((await home?.runningTasks()) ?? []) : [];
    if (running.length === 0) return;
    if (simulation.scheduler.nowMs > until) {
      for (const { id, error } of running) simulation.report(`task ${id} does not end: ${error}`);
      return;
    }
    await simulation.scheduler.sleep(1_000);
  }
}

/** Operators may have changed or deleted a queue. It may not have been created at all. */
async function restore(simulation: Simulation, queue: 'jobs' | 'dead'): Promise<void> {
  const engine = simulation.engines[0] as EngineProcess;
  const settings = simulation.scenario[queue];
  const created = await simulation.ask('restorer', engine, { kind: 'create', queue, settings });
  if (created?.how === 'ok') return;
  const updated = await simulation.ask('restorer', engine, { kind: 'update', queue, settings });
  if (updated?.how !== 'ok') simulation.report(`queue ${queue} can neither be created nor updated`);
}

async function drain(simulation: Simulation): Promise<void> {
  const until = simulation.scheduler.nowMs + DRAIN_MS;
  const isEmpty = () => left(simulation).length === 0;
  const consumers = simulation.engines.flatMap((engine) =>
    QUEUES.map(async (queue) => {
      const client = `drain-${engine.name}-${queue}`;
      while (!isEmpty() && simulation.scheduler.nowMs < until) {
        const lease: Request = { kind: 'lease', queue, timeoutMs: 5_000, clientId: client, limit: 10 };
        const answer = await simulation.ask(client, engine, lease);
        const { partition, items } = leasedOf(answer ?? { how: 'cut' });
        const ids = items.map(({ id }) => id);
        if (ids.length > 0) await simulation.ask(client, engine, { kind: 'complete', queue, partition, ids });
        else if (answer?.how !== 'ok') await simulation.scheduler.sleep(100);
      }
    }),
  );
  await Promise.all(consumers);
  for (const stay of left(simulation)) {
    simulation.report(`item ${stay.name} (${stay.id}) is ${stay.state} for good, and nobody gets it`);
  }
}

function left(simulation: Simulation): Stay[] {
  return simulation.disks.flatMap((disk) => [...disk.places].flatMap((place) => disk.stays(place)));
}

/** Every request was answered, so no engine may count a pending one. */
function expectNothingWaits(simulation: Simulation): void {
  for (const { name, service } of simulation.engines) {
    for (const [queue, counts] of service.waiting()) {
      for (const [kind, count] of Object.entries(counts)) {
        if (count !== 0) simulation.report(`${name} counts ${kind} ${count} in ${queue}, and nobody waits`);
      }
    }
  }
}
