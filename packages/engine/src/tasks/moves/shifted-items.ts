import {
  type CarriedItem,
  type CarriedKey,
  type Instant,
  instantFromMicroseconds,
  LAST_INSTANT,
} from '@querator/core';

/** An instant by another clock. The last instant stands for "never", and stays. */
export function shifted(instant: Instant, shift: bigint): Instant {
  if (instant >= LAST_INSTANT) return instant;
  const moved = instantFromMicroseconds(instant + shift);
  if (moved > LAST_INSTANT) return LAST_INSTANT;
  return moved;
}

/** An item whose deadlines are as far away by the target's clock as they are by the source's. */
export function shiftedItem(item: CarriedItem, shift: bigint): CarriedItem {
  if (shift === 0n) return item;
  const move = (instant: Instant | undefined) => instant && shifted(instant, shift);
  return {
    ...item,
    createdAt: shifted(item.createdAt, shift),
    expireDeadline: shifted(item.expireDeadline, shift),
    until: move(item.until),
    dueAt: move(item.dueAt),
    idleLeaseDeadline: move(item.idleLeaseDeadline),
    heldSince: move(item.heldSince),
  };
}

/** A dedup key whose window is as long by the target's clock as it is by the source's. */
export function shiftedKey(key: CarriedKey, shift: bigint): CarriedKey {
  return { ...key, endsAt: shifted(key.endsAt, shift) };
}
