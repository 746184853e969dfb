import type { Settlement } from '../../history/history.ts';
import type { Allowances } from '../allowances.ts';
import { type Delivery, type ItemRecord, type ItemRecords, isFinal } from '../item-records.ts';
import { isLater } from '../lives.ts';
import { isSurelyHeld } from '../surely-held.ts';
import type { Violation } from '../violation.ts';

/**
 * An id is settled once. A completed item never returns. A consumer whose lease
 * has ended cannot complete the item; one with a valid lease is not refused.
 */
export function settlement(records: ItemRecords, allowances: Allowances): readonly Violation[] {
  return [
    ...records.all.flatMap((record) => record.deliveries.flatMap((each) => settledTwice(records, each))),
    ...records.all.flatMap((record) =>
      record.deliveries.flatMap((each) => deliveredAfterwards(records, record, each)),
    ),
    ...records.history.operations.flatMap((each) =>
      each.call === 'complete' || each.call === 'retry' ? wronglyRefused(records, each, allowances) : [],
    ),
  ];
}

function settledTwice(records: ItemRecords, { id, item }: Delivery): readonly Violation[] {
  const done = records.settlementsOf(id).filter(({ outcome }) => outcome === 'ok');
  if (done.length < 2) return [];
  const text = `${item} was settled ${done.length} times under id ${id}: ${done.map(({ call }) => call).join(', ')}`;
  return [{ rule: 'settlement', items: [item], operations: done, text }];
}

function deliveredAfterwards(
  records: ItemRecords,
  { item, deliveries }: ItemRecord,
  held: Delivery,
): readonly Violation[] {
  const end = records
    .settlementsOf(held.id)
    .find((each) => isFinal(records.history, each) && each.outcome === 'ok');
  if (end === undefined) return [];
  const again = deliveries.find((each) => each !== held && !isLater(held, each) && each.id !== held.id);
  if (again === undefined) return [];
  const text =
    again.lease.returned < end.invoked
      ? `${item} was completed by a consumer whose lease had ended, after it had been given to another`
      : `${item} came back after it had been completed`;
  return [{ rule: 'settlement', items: [item], operations: [held.lease, again.lease, end], text }];
}

function wronglyRefused(
  records: ItemRecords,
  refused: Settlement,
  allowances: Allowances,
): readonly Violation[] {
  if (refused.outcome !== 'invalid') return [];
  const held = refused.ids.map((id) => records.deliveryOf(id));
  if (!held.every((each) => each !== undefined && isSurelyHeld(records, each, refused, allowances)))
    return [];
  const deliveries = held as readonly Delivery[];
  return [
    {
      rule: 'settlement',
      items: deliveries.map(({ item }) => item),
      operations: [...new Set(deliveries.map(({ lease }) => lease)), refused],
      text: `a ${refused.call} was refused although all its items were held: ${refused.error ?? ''}`,
    },
  ];
}
