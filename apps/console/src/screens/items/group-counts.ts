import type { ItemsGroup } from '../../api/item.ts';

/** More groups of one walk are counted together. */
const MOST_GROUPS = 2_000;

/** Before anything was counted. */
export const NO_COUNTS: GroupCounts = { groups: [], others: 0, total: 0 };

/** The counts of what a walk has read, the greatest first. */
export interface GroupCounts {
  readonly groups: readonly Required<ItemsGroup>[];
  /** In groups that are not listed. */
  readonly others: number;
  readonly total: number;
}

/** Adds the counts of one reply to those before it. */
export function addGroups(counts: GroupCounts, groups: readonly ItemsGroup[], others: number): GroupCounts {
  const sums = new Map(counts.groups.map(({ value, count }) => [value, count]));
  for (const { value = '', count } of groups) sums.set(value, (sums.get(value) ?? 0) + count);
  const sorted = [...sums].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count);
  const sumOf = (list: readonly ItemsGroup[]) => list.reduce((sum, { count }) => sum + count, 0);
  return {
    groups: sorted.slice(0, MOST_GROUPS),
    others: counts.others + others + sumOf(sorted.slice(MOST_GROUPS)),
    total: counts.total + sumOf(groups) + others,
  };
}
