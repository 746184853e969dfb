import type { Settlement } from '../../history/history.ts';
import type { Allowances } from '../allowances.ts';
import { type Delivery, isFinal, type Life, type Lives, mayHaveHappened } from '../lives.ts';
import type { Violation } from '../violation.ts';

/**
 * An id is settled once. A completed item never returns. A consumer whose lease
 * has ended cannot complete the item; one with a valid lease is not refused.
 */
export function settlement(lives: Lives, allowances: Allowances): readonly Violation[] {
  return [
    ...lives.all.flatMap((life) => life.deliveries.flatMap((each) => settledTwice(lives, each))),
    ...lives.all.flatMap((life) => life.deliveries.flatMap((each) => deliveredAfterwards(lives, life, each))),
    ...lives.history.operations.flatMap((each) =>
      each.call === 'complete' || each.call === 'retry' ? wronglyRefused(lives, each, allowances) : [],
    ),
  ];
}

function settledTwice(lives: Lives, { id, item }: Delivery): readonly Violation[] {
  const done = lives.settlementsOf(id).filter(({ outcome }) => outcome === 'ok');
  if (done.length < 2) return [];
  const text = `${item} was settled ${done.length} times under id ${id}: ${done.map(({ call }) => call).join(', ')}`;
  return [{ rule: 'settlement', items: [item], operations: done, text }];
}

function deliveredAfterwards(lives: Lives, { item, deliveries }: Life, held: Delivery): readonly Violation[] {
  const end = lives.settlementsOf(held.id).find((each) => isFinal(each) && each.outcome === 'ok');
  if (end === undefined) return [];
  const again = deliveries.find(
    (each) => each !== held && each.attempts >= held.attempts && each.id !== held.id,
  );
  if (again === undefined) return [];
  const text =
    again.lease.returned < end.invoked
      ? `${item} was completed by a consumer whose lease had ended, after it had been given to another`
      : `${item} came back after it had been completed`;
  return [{ rule: 'settlement', items: [item], operations: [held.lease, again.lease, end], text }];
}

function wronglyRefused(lives: Lives, refused: Settlement, allowances: Allowances): readonly Violation[] {
  if (refused.outcome !== 'invalid') return [];
  const held = refused.ids.map((id) => lives.deliveryOf(id));
  if (!held.every((each) => each !== undefined && isSurelyHeld(lives, each, refused, allowances))) return [];
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

/** Whether an item was leased under its id during a whole settlement, in spite of all other calls. */
function isSurelyHeld(lives: Lives, held: Delivery, refused: Settlement, { clockMs }: Allowances): boolean {
  const isCleared = lives.history.operations.some(
    (each) =>
      each.call === 'clear' && each.leased && mayHaveHappened(each) && each.invoked < refused.returned,
  );
  const isSettled = lives
    .settlementsOf(held.id)
    .some((each) => each !== refused && mayHaveHappened(each) && each.invoked < refused.returned);
  return (
    !isCleared &&
    !isSettled &&
    held.partition === refused.partition &&
    held.lease.returned <= refused.invoked &&
    refused.returned < held.deadline - clockMs
  );
}
