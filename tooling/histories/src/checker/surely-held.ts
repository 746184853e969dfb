import type { Extension, Settlement } from '../history/history.ts';
import type { Allowances } from './allowances.ts';
import { type Delivery, deadlineOf, type ItemRecords, mayHaveHappened } from './item-records.ts';

/** Whether an item was leased under its id during a whole call, in spite of all other calls. */
export function isSurelyHeld(
  records: ItemRecords,
  held: Delivery,
  call: Settlement | Extension,
  { clockMs }: Allowances,
): boolean {
  const isCleared = records.history.operations.some(
    (each) => each.call === 'clear' && each.leased && mayHaveHappened(each) && each.invoked < call.returned,
  );
  const isSettled = records
    .settlementsOf(held.id)
    .some((each) => each !== call && mayHaveHappened(each) && each.invoked < call.returned);
  return (
    !isCleared &&
    !isSettled &&
    held.partition === call.partition &&
    held.lease.returned <= call.invoked &&
    call.returned < deadlineOf(records, held, call.invoked) - clockMs
  );
}
