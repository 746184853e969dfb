import type { HiddenTimes } from '../hidden-times.ts';
import type { ItemRecords } from '../item-records.ts';
import type { Stay } from '../stays.ts';
import type { Violation } from '../violation.ts';

/** An item that waited during an acknowledged clear is gone. */
export function clearing(
  records: ItemRecords,
  stays: readonly Stay[],
  hidden: HiddenTimes,
): readonly Violation[] {
  const clears = records.history.operations.filter((each) => each.call === 'clear' && each.outcome === 'ok');
  return clears.flatMap((clear) => {
    const isHidden = hidden.overlaps({ from: clear.invoked, to: clear.returned });
    return stays
      .filter(({ by, taken }) => by < clear.invoked && clear.returned < taken.from && !isHidden)
      .map(({ item, record, delivery }) => ({
        rule: 'clearing' as const,
        items: [item],
        operations: [...(record.produce === undefined ? [] : [record.produce]), clear, delivery.lease],
        text: `${item} waited when the queue was cleared, and was delivered afterwards`,
      }));
  });
}
