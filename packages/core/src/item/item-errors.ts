import type { ErrorReason } from '../errors/error-reasons.ts';
import { invalid, type QueueError } from '../errors/queue-error.ts';
import { errorText, verbatim } from '../text/error-text.ts';
import { type Duration, formatDuration } from '../time/duration.ts';
import { type ItemId, itemIdFault } from './item-id.ts';

/** The id names no waiting, leased or scheduled item, or is malformed; the text says which. */
export function noSuchItem(id: ItemId): QueueError {
  const fault = itemIdFault(id);
  return fault === undefined ? unknownItemId(id, 'lease_lost') : malformedItemId(id, fault);
}

/** The item is scheduled. Its text for a complete or retry is that of an unknown id, which clients compare. */
export function itemScheduled(id: ItemId, action: LeaseAction): QueueError {
  return action === 'extended' ? itemNotLeased(id, action) : unknownItemId(id, 'not_leased');
}

/** What a consumer wanted to do with a leased item. */
export type LeaseAction = 'completed' | 'retried' | 'extended';

/** The item exists, but is not leased. */
export function itemNotLeased(id: ItemId, action: LeaseAction): QueueError {
  return invalid(errorText`item(s) cannot be ${action}; '${id}' is not marked as leased`, 'not_leased');
}

/** The lease of the item has been extended for as long as the consumer allows. The lease stays. */
export function heldTooLong(id: ItemId, maxHold: Duration): QueueError {
  return invalid(
    errorText`lease cannot be extended; '${id}' has been held for more than '${formatDuration(maxHold)}'`,
    'over_limit',
  );
}

function unknownItemId(id: ItemId, reason: ErrorReason): QueueError {
  return invalid(errorText`invalid storage id; '${id}' does not exist`, reason);
}

function malformedItemId(id: ItemId, fault: string): QueueError {
  return invalid(errorText`invalid storage id; '${id}': ${verbatim(fault)}`, 'no_such_item');
}

/**
 * Checks the shape of an item id, for example of a pivot.
 *
 * @throws QueueError `invalid`, naming the id, if it is malformed.
 */
export function checkItemId(id: string): void {
  const fault = itemIdFault(id);
  if (fault !== undefined) throw malformedItemId(id, fault);
}
