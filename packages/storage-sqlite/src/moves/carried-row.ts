import {
  type CarriedItem,
  type CarriedState,
  type Instant,
  instantFromMicroseconds,
  LAST_INSTANT,
} from '@querator/core';
import { idOf } from '../file/sequence.ts';
import { type ItemRow, type NewRow, STATE } from '../items/item-row.ts';
import { type Kept, readKept } from '../items/kept.ts';

/** The states of rows, as moves name them. */
const CARRIED: ReadonlyMap<bigint, CarriedState> = new Map<bigint, CarriedState>([
  [STATE.waiting, 'waiting'],
  [STATE.leased, 'leased'],
  [STATE.scheduled, 'scheduled'],
  [STATE.prepared, 'prepared'],
  [STATE.moving, 'dead'],
  [STATE.moved, 'moved'],
  [STATE.taken, 'taken'],
]);
const STORED: ReadonlyMap<CarriedState, bigint> = new Map([...CARRIED].map(([state, name]) => [name, state]));

/** A claim that has ended. */
const AT_ONCE: Instant = instantFromMicroseconds(0n);

/** Everything that there is of an item. */
export function toCarried(row: ItemRow): CarriedItem {
  const state = CARRIED.get(row.state) as CarriedState;
  const { encoding, kind, reference, payload, idle_lease_deadline: idle } = row;
  const { death, taken, heldSince, dueAt, ...details } = readKept(row.kept);
  return {
    ...{ encoding, kind, reference, payload, state, death, taken, heldSince, dueAt },
    id: idOf(row),
    sourceId: row.source_id ?? undefined,
    createdAt: instantFromMicroseconds(row.created_at),
    expireDeadline: instantFromMicroseconds(row.expire_deadline),
    attempts: Number(row.attempts),
    maxAttempts: Number(row.max_attempts),
    until: hasUntil(state) ? instantFromMicroseconds(row.due) : undefined,
    idleLeaseDeadline: idle === null ? undefined : instantFromMicroseconds(idle),
    details: detailsOf(details),
  };
}

/** The row of a carried item. */
export function fromCarried(item: CarriedItem): NewRow {
  const { encoding, kind, reference, payload, sourceId, createdAt, expireDeadline } = item;
  const { attempts, maxAttempts, idleLeaseDeadline, details, death, heldSince, dueAt, taken, state } = item;
  return {
    ...{ encoding, kind, reference, payload, sourceId, createdAt, expireDeadline },
    ...{ attempts, maxAttempts, idleLeaseDeadline },
    state: STORED.get(state) as bigint,
    due: dueOf(item),
    kept: { ...details, death, heldSince, dueAt, taken },
  };
}

function hasUntil(state: CarriedState): boolean {
  return state !== 'waiting' && state !== 'taken';
}

function dueOf({ state, until, expireDeadline }: CarriedItem): Instant {
  if (state === 'waiting') return expireDeadline;
  return state === 'taken' ? LAST_INSTANT : (until ?? AT_ONCE);
}

function detailsOf({
  firstId,
  metadata,
  error,
  source,
}: Omit<Kept, 'death' | 'taken' | 'heldSince' | 'dueAt'>): CarriedItem['details'] {
  const isNothing = [firstId, metadata, error, source].every((part) => part === undefined);
  return isNothing ? undefined : { firstId, metadata: metadata ?? new Map(), error, source };
}
