import type { InDoubt, InFlight } from './in-flight.ts';
import { isSafe, type MoveOptions, type QueuePair } from './move-options.ts';
import type { MoveState } from './move-state.ts';
import type { SourceServer } from './source-server.ts';
import { moveItems } from './target-batches.ts';

/**
 * Finds out what became of the items that a killed move left in flight. Those that the
 * source still has under their ids are moved again: the target knows their keys. The
 * others have left it by that move, if nothing else can have given them other ids yet.
 *
 * Nothing to do if the source knows first ids: then an item is known under any id.
 *
 * @param takeAway as that of `moveItems`.
 * @returns the items that may be at both servers.
 */
export async function recover(
  options: MoveOptions & { readonly state: MoveState },
  source: SourceServer,
  pairs: readonly QueuePair[],
  takeAway: (batch: InFlight) => Promise<readonly string[]>,
): Promise<readonly InDoubt[]> {
  const batch = options.state.leftInFlight;
  if (batch === undefined || source.hasFirstIds) return [];
  const { queue, partition, ids, safeUntil } = batch;
  const pair = pairs.find(({ info }) => info.queueName === queue);
  const present = await source.present(queue, partition, ids);
  const there = new Set(present.map(({ id }) => id));
  const gone = ids.filter((id) => !there.has(id));
  const ended = pair === undefined ? [] : await moveItems(options, pair, present, takeAway);
  const unknown = isSafe(safeUntil, options.clock.now()) ? ended : [...gone, ...ended];
  return unknown.length === 0 ? [] : [{ queue, partition, ids: unknown }];
}
