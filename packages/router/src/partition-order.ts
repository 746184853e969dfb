/** What the choice of a partition depends on. The owner changes it and then calls `PartitionOrder.changed`. */
export interface PartitionLoad {
  /** Storage calls that failed in a row; 0: healthy. */
  readonly failures: number;
  /** Items that wait in the partition, as far as is known, those on their way there included. */
  readonly load: number;
}

/**
 * Partitions ordered by (failures, load), both ascending, for the
 * opportunistic choice: a produce request goes to the first, a lease request
 * to the last healthy one. Partitions that tie keep their relative order, at
 * first the one they were given in, so that the choice is the same in every
 * run (semantics.md, sections 3 and 4).
 *
 * A change moves one partition past its neighbours, which costs as many steps
 * as it moves places.
 */
export class PartitionOrder<P extends PartitionLoad> {
  readonly #ordered: P[];

  constructor(partitions: Iterable<P>) {
    // Array.prototype.sort is stable.
    this.#ordered = [...partitions].sort(compare);
  }

  /** The healthy partition with the least load among those that pass the test, or nothing. */
  leastLoaded(eligible: (partition: P) => boolean): P | undefined {
    for (const partition of this.#ordered) {
      if (partition.failures > 0) return undefined;
      if (eligible(partition)) return partition;
    }
    return undefined;
  }

  /** The healthy partition with the greatest load among those that pass the test, or nothing. */
  fullest(eligible: (partition: P) => boolean): P | undefined {
    for (let i = this.#ordered.length - 1; i >= 0; i--) {
      const partition = this.#ordered[i] as P;
      if (partition.failures === 0 && eligible(partition)) return partition;
    }
    return undefined;
  }

  /** Puts a partition into its place after its failures or its load changed. */
  changed(partition: P): void {
    const ordered = this.#ordered;
    let at = ordered.indexOf(partition);
    if (at < 0) return;
    for (
      let next = ordered[at + 1];
      next !== undefined && compare(next, partition) < 0;
      next = ordered[at + 1]
    ) {
      ordered[at++] = next;
    }
    for (
      let previous = ordered[at - 1];
      previous !== undefined && compare(previous, partition) > 0;
      previous = ordered[at - 1]
    ) {
      ordered[at--] = previous;
    }
    ordered[at] = partition;
  }
}

function compare(a: PartitionLoad, b: PartitionLoad): number {
  return a.failures - b.failures || a.load - b.load;
}
