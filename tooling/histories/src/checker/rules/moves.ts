import type { History, PartitionMove } from '../../history/history.ts';
import type { Violation } from '../violation.ts';

/**
 * The move of a partition ends as done, or as cancelled if it was cancelled. Items that tasks move from one queue to
 * another and back are all there, once, in their order, and no such task fails.
 */
export function moves({ operations, movedItems }: History): readonly Violation[] {
  return [
    ...operations.filter((each): each is PartitionMove => each.call === 'move').flatMap(badEnd),
    ...(movedItems === undefined
      ? []
      : [
          ...movedItems.otherEnds.map(({ state, failed }) =>
            withoutOperations(`a task that moves items ended as '${state}', and ${failed} items failed`),
          ),
          ...changed(movedItems.produced, movedItems.stored),
        ]),
  ];
}

function badEnd(move: PartitionMove): readonly Violation[] {
  const { end, cancelled } = move;
  const isGood = end?.state === 'done' || (end?.state === 'cancelled' && cancelled !== undefined);
  if (end === undefined || (isGood && end.failed === 0)) return [];
  const text = `the move of partition ${move.partition} of '${move.of}' ended as '${end.state}'`;
  return [{ rule: 'moves', items: [], operations: [move], text }];
}

function changed(produced: readonly string[], stored: readonly string[]): readonly Violation[] {
  const counts = new Map<string, number>();
  for (const item of stored) counts.set(item, (counts.get(item) ?? 0) + 1);
  const wrong = produced.filter((item) => counts.get(item) !== 1);
  if (wrong.length > 0 || stored.length !== produced.length) {
    const some = wrong.slice(0, 5).map((item) => `${item} is there ${counts.get(item) ?? 0} times`);
    return [
      withoutOperations(
        `of ${produced.length} items that moved ${stored.length} are there: ${some.join(', ')}`,
      ),
    ];
  }
  const place = produced.findIndex((item, n) => stored[n] !== item);
  if (place < 0) return [];
  const text = `${stored[place]} is in the place of ${produced[place]}`;
  return [withoutOperations(`items that moved are in another order: ${text}`)];
}

function withoutOperations(text: string): Violation {
  return { rule: 'moves', items: [], operations: [], text };
}
