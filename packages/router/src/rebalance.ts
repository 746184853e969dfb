import type { WeightedStorage } from './affinity.ts';

/** A partition that may move. */
export interface PlacedPartition {
  readonly queue: string;
  readonly partition: number;
  /** The name of the storage that it is on. */
  readonly storage: string;
  /** What it takes of its storage, above 0. All weights have the same unit, such as bytes. */
  readonly weight: number;
  /** Whether it counts, but is not to move. Undefined: no. */
  readonly isFixed?: boolean | undefined;
}

/** A partition that should move. */
export interface RebalanceMove extends PlacedPartition {
  /** The name of the storage that it should move to. */
  readonly to: string;
}

/** Storages whose shares differ by less than this part of the mean share are balanced. */
const TOLERANCE = 0.2;
/** A move must lower the fuller one of two storages by at least this part of a mean partition. */
const LEAST_GAIN = 0.1;

/**
 * Plans moves after which each storage holds about its share, by affinity, of the weight of all
 * partitions. The move that lowers a too full storage most comes first. A partition moves once at most.
 *
 * A storage with affinity 0 gives nothing and gets nothing. Two storages whose shares differ by less than
 * a fifth of the mean are left alone. So is a partition whose move gains less than a tenth of a mean partition.
 * A plan for the result of a plan is empty.
 *
 * @param canMove whether partitions may move from one storage to another, by names.
 */
export function planRebalance(
  storages: readonly WeightedStorage[],
  partitions: readonly PlacedPartition[],
  canMove: (from: string, to: string) => boolean = () => true,
): readonly RebalanceMove[] {
  const taking = storages.filter(({ affinity }) => affinity > 0);
  const total = taking.reduce((sum, { affinity }) => sum + affinity, 0);
  const shelves = new Map(
    taking.map(({ name, affinity }) => [name, new Shelf(name, (affinity * taking.length) / total)]),
  );
  const counted = partitions.filter(({ storage }) => shelves.has(storage));
  for (const partition of [...counted].sort(byWeight)) shelves.get(partition.storage)?.add(partition);
  const weight = counted.reduce((sum, each) => sum + each.weight, 0);
  const tolerance = (TOLERANCE * weight) / taking.length;
  const leastGain = (LEAST_GAIN * weight) / counted.length;
  const decided = new Map<PlacedPartition, string>();
  for (;;) {
    const best = bestMove([...shelves.values()], { tolerance, leastGain, canMove });
    if (best === undefined) break;
    best.from.remove(best.partition);
    best.to.add(best.partition);
    // The last decision counts: the moves are in the order of these.
    decided.delete(best.partition);
    decided.set(best.partition, best.to.name);
  }
  return [...decided]
    .map(([partition, to]) => ({ ...partition, to }))
    .filter(({ storage, to }) => storage !== to);
}

interface Candidate {
  readonly from: Shelf;
  readonly to: Shelf;
  readonly partition: PlacedPartition;
  readonly gain: number;
}

function bestMove(
  shelves: readonly Shelf[],
  {
    tolerance,
    leastGain,
    canMove,
  }: {
    readonly tolerance: number;
    readonly leastGain: number;
    readonly canMove: (from: string, to: string) => boolean;
  },
): Candidate | undefined {
  let best: Candidate | undefined;
  for (const from of shelves) {
    for (const to of shelves) {
      if (from.share - to.share <= tolerance || !canMove(from.name, to.name)) continue;
      for (const partition of from.nearest(to)) {
        const gain = gainOf(partition, from, to);
        if (gain >= leastGain && gain > (best?.gain ?? 0)) best = { from, to, partition, gain };
      }
    }
  }
  return best;
}

/** By how much the greater share of the two becomes less. */
function gainOf({ weight }: PlacedPartition, from: Shelf, to: Shelf): number {
  return from.share - Math.max(from.share - weight / from.affinity, to.share + weight / to.affinity);
}

/** A storage with its partitions, in the order of their weights. */
class Shelf {
  readonly name: string;
  /** 1 is that of a mean storage. */
  readonly affinity: number;
  readonly #partitions: PlacedPartition[] = [];
  #weight = 0;

  constructor(name: string, affinity: number) {
    this.name = name;
    this.affinity = affinity;
  }

  /** What it holds for its affinity. */
  get share(): number {
    return this.#weight / this.affinity;
  }

  add(partition: PlacedPartition): void {
    if (partition.isFixed !== true) this.#partitions.splice(this.#placeOf(partition), 0, partition);
    this.#weight += partition.weight;
  }

  remove(partition: PlacedPartition): void {
    this.#partitions.splice(this.#placeOf(partition), 1);
    this.#weight -= partition.weight;
  }

  /** The partitions whose move to the other storage may gain most: those next to the weight that makes both equal. */
  nearest(other: Shelf): readonly PlacedPartition[] {
    const ideal = (this.share - other.share) / (1 / this.affinity + 1 / other.affinity);
    const place = this.#firstWhere(({ weight }) => weight >= ideal);
    // Of those with the same weight the first one is as good, and does not depend on how it came here.
    const below = this.#partitions[place - 1];
    const first = below && this.#firstWhere(({ weight }) => weight >= below.weight);
    return [first, place].flatMap((at) => (at === undefined ? [] : (this.#partitions[at] ?? [])));
  }

  #placeOf(partition: PlacedPartition): number {
    return this.#firstWhere((each) => byWeight(each, partition) >= 0);
  }

  /** By bisection. */
  #firstWhere(holds: (partition: PlacedPartition) => boolean): number {
    let [low, high] = [0, this.#partitions.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (holds(this.#partitions[middle] as PlacedPartition)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Of equal weights the higher number comes first, so that the partitions of a queue spread. */
function byWeight(one: PlacedPartition, other: PlacedPartition): number {
  if (one.weight !== other.weight) return one.weight - other.weight;
  if (one.partition !== other.partition) return other.partition - one.partition;
  return one.queue < other.queue ? -1 : Number(one.queue > other.queue);
}
