import type { Produce } from '../../history/history.ts';
import type { HiddenTimes } from '../hidden-times.ts';
import { provesOrder, type Stay } from '../stays.ts';
import type { Violation } from '../violation.ts';
import { answersOf } from './requests.ts';

/**
 * Items of a partition are delivered in the order of their arrival: a lease that
 * begins after another one has ended must not get an item that certainly arrived
 * before one of the other's. Overlapping leases may share the items in any way.
 */
export function order(stays: readonly Stay[], hidden: HiddenTimes): readonly Violation[] {
  const found: Violation[] = [];
  for (const inPartition of Map.groupBy(stays, ({ delivery }) => delivery.partition).values()) {
    const overtaking = inPartition.filter((stay) => provesOrder(stay, hidden));
    found.push(...overtakenInTime(inPartition, overtaking), ...overtakenInRequest(inPartition, overtaking));
    found.push(...overtakenInTime(asCommitted(inPartition), asCommitted(overtaking)));
  }
  for (const answer of answersOf(stays)) found.push(...overtakenInAnswer(answer));
  return found;
}

/**
 * Items of an outbox, as if they had entered the queue with their transactions. When they do
 * is unknown. But if a transaction had committed before another one began, its items enter first.
 */
function asCommitted(stays: readonly Stay[]): readonly Stay[] {
  return stays.flatMap((stay) => {
    const { produce } = stay.record;
    if (!stay.isFirst || !produce?.outbox) return [];
    return [{ ...stay, by: produce.outcome === 'ok' ? produce.returned : Number.POSITIVE_INFINITY }];
  });
}

/** Finds the earliest delivery among later items. It is fast, so that the search is O(n log n). */
function overtakenInTime(stays: readonly Stay[], overtaking: readonly Stay[]): readonly Violation[] {
  const byStart = overtaking.toSorted((a, b) => a.from - b.from);
  const earliestFrom: Stay[] = [];
  for (let n = byStart.length - 1; n >= 0; n--)
    earliestFrom[n] = earlier(byStart[n] as Stay, earliestFrom[n + 1]);
  const found: Violation[] = [];
  for (const stay of stays) {
    if (stay.by === Number.POSITIVE_INFINITY) continue;
    let low = 0;
    let high = byStart.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((byStart[middle] as Stay).from <= stay.by) low = middle + 1;
      else high = middle;
    }
    const first = earliestFrom[low];
    if (first !== undefined && first.taken.to < stay.taken.from) {
      found.push(overtaken(stay, first));
    }
  }
  return found;
}

/** The items of one produce become visible at once and keep their order. */
function overtakenInRequest(stays: readonly Stay[], overtaking: readonly Stay[]): readonly Violation[] {
  const mayOvertake = new Set(overtaking);
  const members = stays.filter(({ isFirst, record }) => isFirst && record.produce !== undefined);
  const found: Violation[] = [];
  for (const [produce, items] of Map.groupBy(members, ({ record }) => record.produce as Produce)) {
    const places = placesIn(produce);
    let first: Stay | undefined;
    for (const stay of items.toSorted((a, b) => (places.get(b.item) ?? 0) - (places.get(a.item) ?? 0))) {
      if (first !== undefined && first.taken.to < stay.taken.from) {
        found.push(overtaken(stay, first));
      }
      if (mayOvertake.has(stay)) first = earlier(stay, first);
    }
  }
  return found;
}

/** One statement takes the items of an answer, so they are in order. */
function overtakenInAnswer(answer: readonly Stay[]): readonly Violation[] {
  const found: Violation[] = [];
  let latest: Stay | undefined;
  const lastOf = new Map<Produce, { place: number; stay: Stay }>();
  for (const stay of answer) {
    if (latest !== undefined && stay.by < latest.from) found.push(overtaken(stay, latest));
    if (latest === undefined || stay.from > latest.from) latest = stay;
    const { produce } = stay.record;
    if (!stay.isFirst || produce === undefined) continue;
    const place = produce.items.indexOf(stay.item);
    const last = lastOf.get(produce);
    if (last !== undefined && last.place > place) found.push(overtaken(stay, last.stay));
    else lastOf.set(produce, { place, stay });
  }
  return found;
}

function placesIn({ items }: Produce): ReadonlyMap<string, number> {
  return new Map(items.map((item, place) => [item, place]));
}

function earlier(a: Stay, b: Stay | undefined): Stay {
  return b === undefined || a.taken.to <= b.taken.to ? a : b;
}

function overtaken(slow: Stay, fast: Stay): Violation {
  const produces = [slow.record.produce, fast.record.produce].filter((produce) => produce !== undefined);
  return {
    rule: 'order',
    items: [slow.item, fast.item],
    operations: [...new Set([...produces, fast.delivery.lease, slow.delivery.lease])],
    text: `${fast.item} overtook ${slow.item}, which was in the queue before it`,
  };
}
