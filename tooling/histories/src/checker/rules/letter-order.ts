import type { List } from '../../history/history.ts';
import type { Allowances } from '../allowances.ts';
import type { HiddenTimes } from '../hidden-times.ts';
import { type ItemRecords, wasLetterLeased } from '../item-records.ts';
import { isSameLife } from '../lives.ts';
import { provesOrder, type Stay } from '../stays.ts';
import type { Violation } from '../violation.ts';

/** A letter that has returned to its queue, and is leased there for the first time. */
interface Returned {
  readonly letter: string;
  readonly stay: Stay;
}

/**
 * Letters return in their order: those of one partition of the dead-letter queue that go to
 * one partition. A list shows the order, and a letter that is leased afterwards loses its place.
 */
export function letterOrder(
  records: ItemRecords,
  stays: readonly Stay[],
  hidden: HiddenTimes,
  allowances: Allowances,
): readonly Violation[] {
  const { operations } = records.history;
  const byLetter = new Map(returnsOf(stays).map((each) => [each.letter, each.stay]));
  const lists = operations.filter((each): each is List => each.call === 'list' && each.outcome === 'ok');
  return lists.flatMap((list) => {
    const found = list.letters.flatMap(({ item, source }) => {
      const stay = byLetter.get(letterOf(item, source?.attempts));
      if (stay === undefined) return [];
      const span = { item, since: list.invoked, until: stay.delivery.lease.returned };
      return wasLetterLeased(records.history, span, allowances) ? [] : [stay];
    });
    const byPartition = Map.groupBy(found, ({ delivery }) => delivery.partition);
    return [...byPartition.values()].flatMap((inOrder) => overtaken(list, inOrder, hidden));
  });
}

function letterOf(item: string, attempts: number | undefined): string {
  return `${item} ${attempts}`;
}

/** The first stay of each life but the first one, if no lease before it is missing. */
function returnsOf(stays: readonly Stay[]): readonly Returned[] {
  return stays.flatMap((stay) => {
    const { item, record, delivery } = stay;
    const before = record.deliveries[record.deliveries.indexOf(delivery) - 1];
    const isFirst = before === undefined || !isSameLife(before, delivery);
    if (delivery.base === 0 || delivery.attempts !== 1 || !isFirst) return [];
    return [{ letter: letterOf(item, delivery.base), stay }];
  });
}

function overtaken(list: List, inOrder: readonly Stay[], hidden: HiddenTimes): readonly Violation[] {
  const found: Violation[] = [];
  /** Of the letters behind, the one that was leased first, and the last one of each answer. */
  let fast: Stay | undefined;
  const behind = new Map<Stay['delivery']['lease'], Stay>();
  for (const stay of inOrder.toReversed()) {
    const { lease, position } = stay.delivery;
    const inAnswer = behind.get(lease);
    if (inAnswer !== undefined && inAnswer.delivery.position < position) {
      found.push(violation(list, stay, inAnswer));
    } else if (fast !== undefined && fast.taken.to < stay.taken.from) {
      found.push(violation(list, stay, fast));
    }
    if (inAnswer === undefined || position < inAnswer.delivery.position) behind.set(lease, stay);
    if (provesOrder(stay, hidden) && (fast === undefined || stay.taken.to < fast.taken.to)) fast = stay;
  }
  return found;
}

function violation(list: List, slow: Stay, fast: Stay): Violation {
  return {
    rule: 'letters',
    items: [slow.item, fast.item],
    operations: [list, fast.delivery.lease, slow.delivery.lease],
    text: `${fast.item} was behind ${slow.item} among the dead letters, and came back before it`,
  };
}
