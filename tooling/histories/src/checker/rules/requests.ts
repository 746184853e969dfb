import type { Lease, Produce } from '../../history/history.ts';
import type { HiddenTimes } from '../hidden-times.ts';
import type { ItemRecord, ItemRecords } from '../item-records.ts';
import { provesOrder, type Stay } from '../stays.ts';
import type { Violation } from '../violation.ts';

/**
 * The items of one produce stay in one partition and are delivered next to each other.
 * Those of a transaction with an outbox need not: its rows may move with those of others.
 */
export function requests(
  records: ItemRecords,
  stays: readonly Stay[],
  hidden: HiddenTimes,
): readonly Violation[] {
  const members = stays.map((stay) => (stay.record.produce?.outbox ? { ...stay, isFirst: false } : stay));
  return [...onePartition(records), ...together(members), ...nobodyBetween(members, hidden)];
}

function onePartition(records: ItemRecords): readonly Violation[] {
  const places = new Map<Produce, { item: string; partition: number; lease: Lease }>();
  const found: Violation[] = [];
  for (const { item, produce, deliveries } of records.all) {
    for (const { partition, lease, base } of deliveries) {
      if (produce === undefined || produce.outbox || base > 0) continue;
      const first = places.get(produce) ?? { item, partition, lease };
      places.set(produce, first);
      if (first.partition === partition) continue;
      found.push({
        rule: 'requests',
        items: [...new Set([first.item, item])],
        operations: [produce, first.lease, lease],
        text: `${first.item} was in partition ${first.partition}, and ${item} of the same produce in ${partition}`,
      });
    }
  }
  return found;
}

/** Within one answer, no other item is between those of a produce. */
function together(stays: readonly Stay[]): readonly Violation[] {
  const found: Violation[] = [];
  for (const answer of answersOf(stays)) {
    const left = new Set<Produce>();
    let previous: Stay | undefined;
    for (const stay of answer) {
      const { produce } = stay.record;
      const isSame = previous?.record.produce === produce && previous?.isFirst === true;
      if (!isSame && previous?.isFirst && previous.record.produce !== undefined)
        left.add(previous.record.produce);
      if (stay.isFirst && produce !== undefined && left.has(produce) && previous !== undefined) {
        found.push(between(previous, stay));
      }
      previous = stay;
    }
  }
  return found;
}

/**
 * Across several answers: an item that existed before an item of a produce was
 * taken, and is delivered later, is behind all items of the produce. So is an item
 * behind one of them in an answer.
 */
function nobodyBetween(stays: readonly Stay[], hidden: HiddenTimes): readonly Violation[] {
  const isClear = (stay: Stay) => provesOrder(stay, hidden);
  const answers = new Map(answersOf(stays).map((answer) => [answer[0]?.delivery.lease, answer]));
  const found: Violation[] = [];
  for (const inPartition of Map.groupBy(stays, ({ delivery }) => delivery.partition).values()) {
    const others = inPartition.filter(isClear).sort((a, b) => a.taken.from - b.taken.from);
    const members = inPartition.filter(({ isFirst, record }) => isFirst && record.produce !== undefined);
    for (const [produce, items] of Map.groupBy(members, ({ record }) => record.produce as Produce)) {
      const last = items.reduce((a, b) => (a.taken.from >= b.taken.from ? a : b));
      const isOther = (stay: Stay) => !stay.isFirst || stay.record.produce !== produce;
      for (const first of firstOfEach(items.filter(isClear))) {
        const { lease } = first.delivery;
        const intruder =
          behind(first, answers.get(lease) ?? [], last, isOther) ?? firstIn(others, first, last, isOther);
        if (intruder !== undefined) found.push(between(intruder, last, first));
        for (const member of lastOfEach(items)) {
          const before = ahead(first, answers.get(member.delivery.lease) ?? [], member, isOther);
          if (before !== undefined) found.push(between(before, member, first));
        }
      }
    }
  }
  return found;
}

const firstOfEach = (stays: readonly Stay[]) => answersOf(stays).map((answer) => answer[0] as Stay);
const lastOfEach = (stays: readonly Stay[]) => answersOf(stays).map((answer) => answer.at(-1) as Stay);

/** An item behind the first one in its answer, although the last one was not taken yet. */
function behind(
  first: Stay,
  answer: readonly Stay[],
  last: Stay,
  isOther: (stay: Stay) => boolean,
): Stay | undefined {
  if (first.taken.to >= last.taken.from) return undefined;
  return answer.find((stay) => stay.delivery.position > first.delivery.position && isOther(stay));
}

/** An item before one of the produce in its answer, although it existed when the first was taken. */
function ahead(
  first: Stay,
  answer: readonly Stay[],
  member: Stay,
  isOther: (stay: Stay) => boolean,
): Stay | undefined {
  if (first.taken.to >= member.taken.from) return undefined;
  return answer.find(
    (stay) =>
      stay.delivery.position < member.delivery.position && isOther(stay) && stay.by < first.taken.from,
  );
}

/** The first item that existed before one lease, and was delivered after it and before another. */
function firstIn(
  others: readonly Stay[],
  after: Stay,
  before: Stay,
  isOther: (stay: Stay) => boolean,
): Stay | undefined {
  let low = 0;
  let high = others.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((others[middle] as Stay).taken.from <= after.taken.to) low = middle + 1;
    else high = middle;
  }
  for (let n = low; n < others.length; n++) {
    const other = others[n] as Stay;
    if (other.taken.from >= before.taken.from) return undefined;
    const isIn = other.by < after.taken.from && other.taken.to < before.taken.from;
    if (isOther(other) && isIn) return other;
  }
  return undefined;
}

function between(intruder: Stay, member: Stay, first = member): Violation {
  const { produce } = member.record as ItemRecord & { produce: Produce };
  const leases = [first, intruder, member].map(({ delivery }) => delivery.lease);
  return {
    rule: 'requests',
    items: [...new Set([first.item, intruder.item, member.item])],
    operations: [...new Set([produce, ...leases])],
    text: `${intruder.item} came out between items of another produce, before ${member.item}`,
  };
}

/** The stays that each lease ended, in the order of its answer. */
export function answersOf(stays: readonly Stay[]): readonly (readonly Stay[])[] {
  const answers = Map.groupBy(stays, ({ delivery }) => delivery.lease);
  return [...answers.values()].map((answer) =>
    answer.toSorted((a, b) => a.delivery.position - b.delivery.position),
  );
}
