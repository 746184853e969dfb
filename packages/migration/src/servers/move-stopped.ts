import {
  addDuration,
  type Duration,
  type Instant,
  LAST_INSTANT,
  milliseconds,
  millisecondsBetween,
  parseDuration,
  toMilliseconds,
} from '@querator/core';
import { KeyCopies } from './copy-keys.ts';
import type { InFlight } from './in-flight.ts';
import type { MovedQueue, MovedSchedule, MoveOptions, MoveReport, QueuePair } from './move-options.ts';
import { moveQuotas } from './move-quotas.ts';
import { moveSchedules } from './move-schedules.ts';
import { MoveState } from './move-state.ts';
import { queuePairs } from './queue-pairs.ts';
import { recover } from './recover.ts';
import type { SourceItem } from './source-item.ts';
import { type SourceServer, sourceServer } from './source-server.ts';
import { moveItems } from './target-batches.ts';

export interface StoppedMoveOptions extends MoveOptions {
  /** How long to wait for items that the source cannot give away: for the ends of leases. */
  readonly wait: Duration;
}

const BATCH = { items: 1_000, bytes: 16_000_000 };

/**
 * An item is not taken if it may leave its queue, or get another id, within this time, or
 * within a quarter of the expire timeout. A move that was killed has to go on before.
 */
const MARGIN_MS = 60_000;

/** The longest pause between two looks at items that cannot be taken yet. */
const LONGEST_PAUSE_MS = 5_000;

/**
 * Moves all items of queues whose consumers are stopped: stores them at the target, and
 * deletes them at the source. Goes on until the source holds no item that it can give
 * away. Leased items, and those that are about to become available or to expire, wait.
 * Moves the schedules of queues that are empty then.
 *
 * @throws JournalFault, ItemRefused, or the error of a call. Then the move may be begun again.
 */
export async function moveStopped(options: StoppedMoveOptions): Promise<MoveReport> {
  const { clock, sleep, signal, wait } = options;
  const state = await MoveState.open(options.journal, options.random);
  const source = await sourceServer(options.from, options, state.id);
  const pairs = await queuePairs(options);
  const keys = new KeyCopies(options, pairs);
  await keys.copy();
  const move: Move = {
    ...{ options: { ...options, state }, source },
    takeAway: ({ queue, partition, ids }) => source.delete(queue, partition, ids),
  };
  const inDoubt = await recover(move.options, source, pairs, move.takeAway);
  const moved = new Map<string, number>();
  const schedules = new Map<string, MovedSchedule>();
  const giveUpAt = addDuration(clock.now(), wait);
  for (;;) {
    let anyMoved = false;
    let next = LAST_INSTANT;
    const queues: MovedQueue[] = [];
    for (const pair of pairs) {
      const pass = await movePass(move, pair);
      const queue = pair.info.queueName;
      moved.set(queue, (moved.get(queue) ?? 0) + pass.moved);
      queues.push({ ...pair.target, queue, moved: moved.get(queue) ?? 0, left: pass.left });
      anyMoved ||= pass.moved > 0;
      if (pass.next < next) next = pass.next;
    }
    if (anyMoved) continue;
    const isEmpty = queues.every(({ left }) => left === 0);
    if (isEmpty || clock.now() >= giveUpAt) {
      await keys.copy();
      const scheduled = await moveSchedules(move.options, queues);
      for (const each of scheduled) schedules.set(`${each.queue} ${each.name}`, each);
      // One of them may have fired at the source meanwhile.
      if (scheduled.some(({ became }) => became === 'active')) continue;
      const quotas = await moveQuotas(options, pairs);
      await state.end(isEmpty);
      return { queues, inDoubt, schedules: [...schedules.values()], keys: keys.counts, quotas };
    }
    const untilNext = millisecondsBetween(clock.now(), next);
    await sleep(Math.min(Math.max(untilNext, 100), LONGEST_PAUSE_MS), signal);
  }
}

interface Move {
  readonly options: StoppedMoveOptions & { readonly state: MoveState };
  readonly source: SourceServer;
  readonly takeAway: (batch: InFlight) => Promise<readonly string[]>;
}

interface Pass {
  readonly moved: number;
  readonly left: number;
  /** When the first of the items that are left may be taken. */
  readonly next: Instant;
}

/** Moves the items of a queue that can be moved now. */
async function movePass({ options, source, takeAway }: Move, pair: QueuePair): Promise<Pass> {
  const { clock, progress } = options;
  const { queueName, requestedPartitions, expireTimeout } = pair.info;
  const margin = marginOf(expireTimeout);
  const pass = { moved: 0, left: 0, next: LAST_INSTANT };
  let batch: SourceItem[] = [];
  let bytes = 0;
  const ship = async () => {
    if (batch.length === 0) return;
    const notLeft = await moveItems(options, pair, batch, takeAway);
    pass.moved += batch.length - notLeft.length;
    progress?.(queueName, pass.moved);
    batch = [];
    bytes = 0;
  };
  for await (const found of source.items(queueName, requestedPartitions)) {
    const until = 'heldUntil' in found ? found.heldUntil : found.safeUntil;
    if ('heldUntil' in found || until <= addDuration(clock.now(), margin)) {
      pass.left++;
      if (until < pass.next) pass.next = until;
      continue;
    }
    if (batch.length >= BATCH.items || bytes >= BATCH.bytes || batch[0]?.partition !== found.partition) {
      await ship();
    }
    batch.push(found);
    bytes += found.item.payload.length;
  }
  await ship();
  return pass;
}

function marginOf(expireTimeout: string): Duration {
  return milliseconds(Math.min(Math.floor(toMilliseconds(parseDuration(expireTimeout)) / 4), MARGIN_MS));
}
