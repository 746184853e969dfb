import { KeyedImporter } from '../items/keyed-importer.ts';
import type { InFlight } from './in-flight.ts';
import type { MoveOptions, QueuePair } from './move-options.ts';
import type { MoveState } from './move-state.ts';
import type { SourceItem } from './source-item.ts';

/**
 * Moves items of one partition: stores them at the target, and then takes them away from
 * the source.
 *
 * @param takeAway returns the ids of those that the source had no longer under their ids.
 * @returns the same.
 */
export async function moveItems(
  options: MoveOptions & { readonly state: MoveState },
  { info, target }: QueuePair,
  items: readonly SourceItem[],
  takeAway: (batch: InFlight) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const [first] = items;
  if (first === undefined) return [];
  const { state } = options;
  const batch: InFlight = {
    ...{ queue: info.queueName, partition: first.partition },
    ids: items.map(({ id }) => id),
    keys: items.map(({ key }) => key),
    safeUntil: items.map((item) => item.safeUntil).toSorted((a, b) => (a < b ? -1 : 1))[0] ?? first.safeUntil,
  };
  await state.leaves(batch);
  const present: string[] = [];
  const importer = new KeyedImporter({
    ...options,
    ...{ client: options.to, queueName: info.queueName },
    present: (key) => present.push(key),
  });
  for (const { key, item } of items) {
    await importer.add({ key, item: { ...item, partition: item.partition % target.partitions } });
  }
  await importer.flush();
  state.stored(present);
  const notLeft = await takeAway(batch);
  const missed = new Set(notLeft);
  await state.arrived(
    batch,
    items.filter(({ id }) => missed.has(id)).map(({ key }) => key),
  );
  return notLeft;
}
