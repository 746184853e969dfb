import type { PartitionPlacement } from '@querator/core';

/** What a resize needs to know, in versions 2 and 3. */
export type ResizeParameters = {
  readonly queueCreatedAt: string;
  readonly from: number;
  readonly to: number;
  readonly last: string;
  /** The names of the storages of the partitions that the queue gets, or loses. */
  readonly storages: readonly string[];
  /** Which of them each of those is on. */
  readonly places: readonly number[];
  /** Items of partitions that leave move to those that stay. Absent: consumers take them. Since version 3. */
  readonly move?: true;
};

/** The partitions that the queue gets, or loses. */
export function placementsOf({
  from,
  to,
  storages,
  places,
}: ResizeParameters): readonly PartitionPlacement[] {
  return places.map((place, n) => ({
    partition: Math.min(from, to) + n,
    storageName: storages[place] ?? '',
  }));
}
