/** A storage that may take partitions, as far as sharing them out is concerned. */
export interface WeightedStorage {
  readonly name: string;
  /** Its weight among all storages; finite, not negative, fractions allowed. 0: takes no new partitions. */
  readonly affinity: number;
}

/**
 * How many of `requested` partitions each storage takes, in proportion to the
 * affinities: by the largest remainder, ties to the earlier storage. The
 * counts sum to `requested`, and each is less than one away from the exact
 * share; a storage with affinity 0 gets none.
 *
 * @param requested a whole number, at least 0.
 * @returns one count per storage, in the order given.
 * @throws RangeError when partitions are requested and no storage has an
 *   affinity above 0, or when an affinity is negative or not finite.
 */
export function shareOut(requested: number, storages: readonly WeightedStorage[]): number[] {
  for (const { name, affinity } of storages) {
    if (!Number.isFinite(affinity) || affinity < 0) {
      throw new RangeError(`affinity of storage '${name}' is ${affinity}; expected a number of at least 0`);
    }
  }
  const total = storages.reduce((sum, storage) => sum + storage.affinity, 0);
  if (total === 0) {
    if (requested === 0) return storages.map(() => 0);
    throw new RangeError('no storage takes partitions; at least one needs an affinity above 0');
  }
  // Multiplied before divided: whole affinities then give exact quotients and remainders.
  const shares = storages.map(({ affinity }, index) => {
    const whole = Math.floor((affinity * requested) / total);
    return { index, whole, remainder: affinity * requested - whole * total, takesPartitions: affinity > 0 };
  });
  const counts = shares.map(({ whole }) => whole);
  const left = requested - counts.reduce((sum, count) => sum + count, 0);
  const byRemainder = shares
    .filter(({ takesPartitions }) => takesPartitions)
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (const { index } of byRemainder.slice(0, left)) counts[index] = (counts[index] ?? 0) + 1;
  return counts;
}
