import type { LetterTask, List } from '../../history/history.ts';
import type { Allowances } from '../allowances.ts';
import { type Delivery, type ItemRecords, wasLetterLeased } from '../item-records.ts';
import type { Violation } from '../violation.ts';

/**
 * A task that deletes letters, and is done, leaves none that waited when it was created. A
 * list before shows them; a letter that a consumer may have leased since is not judged.
 */
export function deletions(records: ItemRecords, allowances: Allowances): readonly Violation[] {
  const { operations } = records.history;
  const deletes = operations.filter(
    (each): each is LetterTask =>
      each.call === 'task' && each.kind === 'delete' && each.outcome === 'ok' && each.end?.state === 'done',
  );
  return deletes.flatMap((task) => {
    const list = operations.findLast(
      (each): each is List => each.call === 'list' && each.outcome === 'ok' && each.returned <= task.invoked,
    );
    return (list?.letters ?? []).flatMap((letter) => {
      const { item, source } = letter;
      const again = records
        .of(item)
        ?.deliveries.find(
          (each) => each.lease.invoked > task.returned && isAfterDeath(each, source?.attempts),
        );
      if (list === undefined || again === undefined) return [];
      if (wasLetterLeased(records.history, { item, since: list.invoked, until: task.returned }, allowances))
        return [];
      return [
        {
          ...{ rule: 'letters' as const, items: [item], operations: [list, task, again.lease] },
          text: `${item} was a dead letter when all were deleted, and was delivered afterwards`,
        },
      ];
    });
  });
}

/** Whether it is a delivery of the letter, or of a later life. */
function isAfterDeath({ base }: Delivery, attempts = 0): boolean {
  return base >= attempts;
}
