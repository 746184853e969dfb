import type { LetterTask, PartitionMove } from '../../history/history.ts';
import type { Allowances } from '../allowances.ts';
import { type ItemRecords, mayHaveHappened } from '../item-records.ts';
import { isSameLife, unseenLeases } from '../lives.ts';
import { holdEndsFrom, type Stay } from '../stays.ts';
import type { Violation } from '../violation.ts';

/**
 * A dead letter returns to the partition that it came from, or to another one if that has moved to
 * another storage (docs/tasks.md), by a task that was created after its death and had not ended. A task counts no more items than have returned, and does not fail.
 */
export function returns(
  records: ItemRecords,
  stays: readonly Stay[],
  allowances: Allowances,
): readonly Violation[] {
  const { operations } = records.history;
  const tasks = operations.filter((each): each is LetterTask => each.call === 'task').filter(mayHaveHappened);
  const redrives = tasks.filter(({ kind }) => kind === 'redrive');
  return [
    ...stays.flatMap((stay) => withoutTask(records, stay, redrives, allowances)),
    ...tasks.flatMap(failed),
    ...countedTooMany(records, redrives),
  ];
}

function withoutTask(
  records: ItemRecords,
  { item, record, delivery }: Stay,
  tasks: readonly LetterTask[],
  allowances: Allowances,
): readonly Violation[] {
  const before = record.deliveries[record.deliveries.indexOf(delivery) - 1];
  if (delivery.base === 0 || (before !== undefined && isSameLife(before, delivery))) return [];
  const violation = (text: string): readonly Violation[] => [
    {
      rule: 'returns',
      items: [item],
      operations: [...(before === undefined ? [] : [before.lease]), ...tasks, delivery.lease],
      text: `${item} ${text}`,
    },
  ];
  const { partition } = delivery.details?.source ?? {};
  const mayHaveMoved = records.history.operations.some(
    (each): each is PartitionMove =>
      each.call === 'move' &&
      each.of === 'q' &&
      each.partition === partition &&
      each.invoked <= delivery.lease.returned &&
      mayHaveHappened(each),
  );
  if (delivery.partition !== partition && !mayHaveMoved) {
    return violation(`died in partition ${partition}, and came back in ${delivery.partition}`);
  }
  const left =
    before === undefined ? (record.produce?.invoked ?? 0) : holdEndsFrom(records, before, allowances);
  const isLetter = before?.lease.queue === 'dead';
  const isPossible = tasks.some(
    (task) =>
      task.invoked <= delivery.lease.returned &&
      (task.outcome !== 'ok' || left <= task.returned) &&
      // A letter that a consumer has returned was there before.
      (isLetter || task.created === undefined || left <= task.created),
  );
  return isPossible ? [] : violation('came back after its death, and no task can have returned it');
}

function failed(task: LetterTask): readonly Violation[] {
  const { end } = task;
  const isEnd = end?.state === 'done' || (end?.state === 'cancelled' && task.cancelled !== undefined);
  if (end === undefined || (isEnd && end.failed === 0)) return [];
  const text = `a task of the kind '${task.kind}' ended as '${end.state}', and ${end.failed} items failed`;
  return [{ rule: 'returns', items: [], operations: [task], text }];
}

/** Only for histories that were drained, and never cleared: then each item that has returned was seen. */
function countedTooMany(records: ItemRecords, tasks: readonly LetterTask[]): readonly Violation[] {
  const { drained, operations } = records.history;
  if (!drained || operations.some(({ call }) => call === 'clear')) return [];
  const counted = tasks.reduce((sum, { end }) => sum + (end?.done ?? 0), 0);
  const returned = records.all.reduce((sum, record) => sum + mostReturns(record), 0);
  if (counted <= returned) return [];
  const text = `tasks counted ${counted} items that they returned, and at most ${returned} were`;
  return [{ rule: 'returns', items: [], operations: tasks, text }];
}

/** The lives of an item after the first one, and those that each lease without an answer may hide. */
function mostReturns({ deliveries }: ItemRecords['all'][number]): number {
  let returns = 0;
  for (const [n, delivery] of deliveries.entries()) {
    const before = deliveries[n - 1];
    if (before !== undefined && isSameLife(before, delivery)) continue;
    const unseen = Math.max(unseenLeases(before, delivery), 0);
    returns += (delivery.lease.queue === undefined && delivery.base > 0 ? 1 : 0) + unseen;
  }
  return returns;
}
