/** A storage among which partitions are distributed. */
export interface WeightedStorage {
  readonly name: string;
  /** The storage's weight: finite, not negative, fractions allowed. 0 means no new partitions. */
  readonly affinity: number;
  /** The number of its existing partitions. Undefined counts as none. */
  readonly partitions?: number | undefined;
}

/**
 * Distributes `requested` partitions over storages in proportion to their
 * affinities, by the largest remainder. Ties go to the storage with the fewest
 * partitions per affinity, then to the earlier one. The counts sum to
 * `requested`, and each differs from the exact share by less than one. A storage
 * with affinity 0 gets none.
 *
 * @param requested a whole number, at least 0.
 * @returns one count per storage, in the order given.
 * @throws RangeError if an affinity is negative or not finite. Also if partitions
 *   are requested and no affinity is above 0.
 */
export function distribute(requested: number, storages: readonly WeightedStorage[]): number[] {
  return largestRemainders(requested, storages).counts;
}

/**
 * Whether existing partitions decide the distribution: two storages have the
 * same remainder, and only one of them gets another partition.
 *
 * @throws RangeError as {@link distribute}.
 */
export function hasTie(requested: number, storages: readonly WeightedStorage[]): boolean {
  return largestRemainders(requested, storages).hasTie;
}

function largestRemainders(
  requested: number,
  storages: readonly WeightedStorage[],
): { readonly counts: number[]; readonly hasTie: boolean } {
  for (const { name, affinity } of storages) {
    if (!Number.isFinite(affinity) || affinity < 0) {
      throw new RangeError(`affinity of storage '${name}' is ${affinity}; expected a number of at least 0`);
    }
  }
  const total = storages.reduce((sum, storage) => sum + storage.affinity, 0);
  if (total === 0) {
    if (requested === 0) return { counts: storages.map(() => 0), hasTie: false };
    throw new RangeError('no storage takes partitions; at least one needs an affinity above 0');
  }
  // Multiplies before dividing, so that whole affinities give exact quotients and remainders.
  const shares = storages.map(({ affinity, partitions = 0 }, index) => {
    const whole = Math.floor((affinity * requested) / total);
    const remainder = affinity * requested - whole * total;
    return { index, whole, remainder, load: partitions / affinity, takesPartitions: affinity > 0 };
  });
  const counts = shares.map(({ whole }) => whole);
  const left = requested - counts.reduce((sum, count) => sum + count, 0);
  const byRemainder = shares
    .filter(({ takesPartitions }) => takesPartitions)
    .sort((a, b) => b.remainder - a.remainder || a.load - b.load || a.index - b.index);
  for (const { index } of byRemainder.slice(0, left)) counts[index] = (counts[index] ?? 0) + 1;
  const [lastWith, firstWithout] = [byRemainder[left - 1], byRemainder[left]];
  return { counts, hasTie: lastWith !== undefined && lastWith.remainder === firstWithout?.remainder };
}
