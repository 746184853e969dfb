/** What the choice of a partition depends on. Its owner calls `PartitionOrder.changed` after each change. */
export interface PartitionLoad {
  /** Consecutive failures of storage calls; 0 means healthy. */
  readonly failures: number;
  /** The estimated number of waiting items, including those being produced. */
  readonly load: number;
}

/**
 * Partitions ordered by (failures, load), both ascending. A produce request goes
 * to the first healthy partition, a lease request to the last one. Ties keep
 * their relative order, initially the order given, so that the choice is
 * deterministic.
 *
 * A change moves one partition past its neighbours. The cost is one step per
 * place moved.
 */
export class PartitionOrder<P extends PartitionLoad> {
  readonly #ordered: P[];

  constructor(partitions: Iterable<P>) {
    // Array.prototype.sort is stable.
    this.#ordered = [...partitions].sort(compare);
  }

  /** Adds a partition, behind those with the same failures and load. */
  add(partition: P): void {
    this.#ordered.push(partition);
    this.changed(partition);
  }

  /** Removes a partition. */
  remove(partition: P): void {
    const at = this.#ordered.indexOf(partition);
    if (at >= 0) this.#ordered.splice(at, 1);
  }

  /** The eligible healthy partition with the least load; undefined if there is none. */
  leastLoaded(eligible: (partition: P) => boolean): P | undefined {
    for (const partition of this.#ordered) {
      if (partition.failures > 0) return undefined;
      if (eligible(partition)) return partition;
    }
    return undefined;
  }

  /** The eligible healthy partition with the greatest load; undefined if there is none. */
  fullest(eligible: (partition: P) => boolean): P | undefined {
    for (let i = this.#ordered.length - 1; i >= 0; i--) {
      const partition = this.#ordered[i] as P;
      if (partition.failures === 0 && eligible(partition)) return partition;
    }
    return undefined;
  }

  /** Moves a partition to its place after its failures or load changed. */
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
