import { addDuration, type Duration, type Instant } from '@querator/core';
import { KeyCopies } from './copy-keys.ts';
import type { InFlight } from './in-flight.ts';
import {
  type MovedQueue,
  type MovedSchedule,
  type MoveOptions,
  type MoveReport,
  surelyPast,
} from './move-options.ts';
import { moveQuotas } from './move-quotas.ts';
import { moveSchedules } from './move-schedules.ts';
import { MoveState } from './move-state.ts';
import { queuePairs } from './queue-pairs.ts';
import { recover } from './recover.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { moveItems } from './target-batches.ts';

export interface LiveMoveOptions extends MoveOptions {
  /** Ends the move after the batch that is under way. `signal` aborts it at once. */
  readonly stop: AbortSignal;
  /** Whether to go on when nothing can be leased, until `stop`. */
  readonly follow: boolean;
  /** Without `follow`: how long to wait for items that cannot be leased, since consumers have them, for example. */
  readonly wait: Duration;
}

/**
 * Moves items while consumers and producers work at both servers, as a consumer does:
 * leases them, stores them at the target, and completes them. The target gives them its
 * own expire timeout. Scheduled items move once they are available, and the schedules
 * of queues that are empty at the end.
 *
 * Ends once nothing can be leased: items that consumers have, and scheduled ones, are
 * left then, unless `wait` is long enough. It always waits for the leases of the batch
 * that a killed move left in flight.
 *
 * If the source does not know first ids, a move that was killed must go on before the
 * leases of its last batch end. Else the report has their ids.
 *
 * @throws JournalFault, ItemRefused, or the error of a call. Then the move may be begun again.
 */
export async function moveLive(options: LiveMoveOptions): Promise<MoveReport> {
  const { clock, stop, follow } = options;
  const state = await MoveState.open(options.journal, options.random);
  const source = await sourceServer(options.from, options, state.id);
  const pairs = await queuePairs(options);
  const keys = new KeyCopies(options, pairs);
  await keys.copy();
  const moved = new Map<string, number>();
  const schedules = new Map<string, MovedSchedule>();
  const complete = ({ queue, partition, ids }: InFlight) => source.complete(queue, partition, ids);
  const inDoubt = [...(await recover({ ...options, state }, source, pairs, complete))];
  const giveUpAt = endOfWait(options, state);
  for (;;) {
    let anyLeased = false;
    const queues: MovedQueue[] = [];
    for (const pair of pairs) {
      const queue = pair.info.queueName;
      while (!stop.aborted) {
        const leased = await leaseUnlessStopped(source, queue, stop);
        if (leased === undefined) break;
        anyLeased = true;
        const { partition, items } = leased;
        const ended = await moveItems({ ...options, state }, pair, items, complete);
        // The source gives those away once more. With first ids, the target knows them.
        if (!source.hasFirstIds && ended.length > 0) inDoubt.push({ queue, partition, ids: ended });
        moved.set(queue, (moved.get(queue) ?? 0) + items.length - ended.length);
        options.progress?.(queue, moved.get(queue) ?? 0);
      }
      const left = await source.count(queue);
      queues.push({ ...pair.target, queue, moved: moved.get(queue) ?? 0, left });
    }
    const isEmpty = queues.every(({ left }) => left === 0);
    const isOver = isEmpty || (!anyLeased && clock.now() >= giveUpAt);
    if (stop.aborted || (isOver && !follow) || queues.length === 0) {
      await keys.copy();
      const scheduled = await moveSchedules({ ...options, state }, queues);
      for (const each of scheduled) schedules.set(`${each.queue} ${each.name}`, each);
      // One of them may have fired at the source meanwhile.
      if (scheduled.some(({ became }) => became === 'active')) continue;
      const quotas = await moveQuotas(options, pairs);
      await state.end(isEmpty);
      return { queues, inDoubt, schedules: [...schedules.values()], keys: keys.counts, quotas };
    }
  }
}

function endOfWait({ clock, wait }: LiveMoveOptions, state: MoveState): Instant {
  const end = addDuration(clock.now(), wait);
  if (state.leftInFlight === undefined) return end;
  const back = surelyPast(state.leftInFlight.safeUntil);
  const isLater = back > end;
  return isLater ? back : end;
}

async function leaseUnlessStopped(source: SourceServer, queue: string, stop: AbortSignal) {
  try {
    return await source.lease(queue, stop);
  } catch (error) {
    if (stop.aborted) return undefined;
    throw error;
  }
}
