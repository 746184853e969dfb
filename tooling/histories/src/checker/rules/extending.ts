import type { Extension } from '../../history/history.ts';
import type { Allowances } from '../allowances.ts';
import type { Delivery, ItemRecords } from '../item-records.ts';
import { isLater } from '../lives.ts';
import { isSurelyHeld } from '../surely-held.ts';
import type { Violation } from '../violation.ts';

/**
 * Only a lease that lasts is extended, and every such lease is. It then ends one lease
 * timeout after the call.
 */
export function extending(records: ItemRecords, allowances: Allowances): readonly Violation[] {
  return records.history.operations
    .filter((operation) => operation.call === 'extend' && operation.outcome === 'ok')
    .flatMap((extension) => faultsOf(records, extension as Extension, allowances));
}

function faultsOf(records: ItemRecords, extension: Extension, allowances: Allowances): readonly Violation[] {
  return extension.ids.flatMap((id): readonly Violation[] => {
    const held = records.deliveryOf(id);
    if (held === undefined) return [];
    const extended = extension.extended.find((each) => each.id === id);
    const { item, lease } = held;
    const violation = (text: string, ...others: Violation['operations']): readonly Violation[] => [
      {
        rule: 'extending',
        items: [item],
        operations: [lease, ...others, extension],
        text: `${item} ${text}`,
      },
    ];
    if (extended === undefined) {
      return isSurelyHeld(records, held, extension, allowances)
        ? violation('was held, and its lease was not extended')
        : [];
    }
    const { leaseTimeoutMs } = records.history;
    const endsFrom = extension.invoked + leaseTimeoutMs - allowances.clockMs;
    const endsTo = extension.returned + leaseTimeoutMs + allowances.clockMs;
    if (extended.deadline < endsFrom || extended.deadline > endsTo) {
      return violation('has a new deadline that is not one lease timeout from the call');
    }
    const settled = records
      .settlementsOf(id)
      .find(({ outcome, returned }) => outcome === 'ok' && returned < extension.invoked);
    if (settled !== undefined)
      return violation('was settled, and its lease was extended afterwards', settled);
    const again = laterDelivery(records, held);
    return again !== undefined && again.lease.returned < extension.invoked
      ? violation('was given to another, and the earlier lease was extended afterwards', again.lease)
      : [];
  });
}

/** The next delivery of the same item. */
function laterDelivery(records: ItemRecords, held: Delivery): Delivery | undefined {
  return records.of(held.item)?.deliveries.find((each) => isLater(each, held));
}
