import type { Instant, ItemId, Outcome, QueueError } from '@querator/core';
import type { Timestamp } from '../gen/google/protobuf/timestamp.ts';
import type { QueueItemOutcome } from '../gen/querator/v2/complete.ts';
import type { QueueExtendedItem } from '../gen/querator/v2/extend.ts';
import { toTimestamp } from '../time/wire-time.ts';

/** The wire form of the outcomes of a complete or retry, one per id. */
export function fromOutcomes(
  ids: readonly ItemId[],
  outcomes: readonly Outcome<unknown>[],
): QueueItemOutcome[] {
  return outcomes.map((outcome, n) => {
    const id = ids[n] as ItemId;
    return outcome.ok ? { id, code: '', message: '' } : refused(id, outcome.error);
  });
}

/** The wire form of the outcomes of an extend, one per id. Equal deadlines share their wire form. */
export function fromExtended(
  ids: readonly ItemId[],
  outcomes: readonly Outcome<Instant>[],
): QueueExtendedItem[] {
  let last: Instant | undefined;
  let leaseDeadline: Timestamp | undefined;
  return outcomes.map((outcome, n) => {
    const id = ids[n] as ItemId;
    if (!outcome.ok) return { ...refused(id, outcome.error), leaseDeadline: undefined };
    if (outcome.value !== last) {
      last = outcome.value;
      leaseDeadline = toTimestamp(last);
    }
    return { id, code: '', message: '', leaseDeadline };
  });
}

/** @param error about one item, so it has a reason. */
function refused(id: ItemId, { reason = '', message }: QueueError): QueueItemOutcome {
  return { id, code: reason, message };
}
