import {
  type CarriedItem,
  type CarriedState,
  type Instant,
  instantFromMicroseconds,
  LAST_INSTANT,
} from '@querator/core';
import type { Entry, EntryState } from '../entry.ts';
import { detailsOf, type KeptDetails, keptFrom } from '../kept-details.ts';
import { packContent, unpackContent } from '../packed-content.ts';

/** A claim that has ended. */
const AT_ONCE: Instant = instantFromMicroseconds(0n);

/** Everything that there is of an entry. */
export function toCarried(entry: Entry): CarriedItem {
  const { id, sourceId, createdAt, expireDeadline, attempts, maxAttempts, kept, taken } = entry;
  const state = carriedState(entry);
  return {
    ...{ id, sourceId, createdAt, expireDeadline, attempts, maxAttempts, state },
    ...unpackContent(entry.content),
    until: state === 'waiting' || state === 'taken' ? undefined : entry.due,
    dueAt: entry.dueAt,
    idleLeaseDeadline: entry.idleLeaseDeadline,
    heldSince: entry.heldSince,
    details: kept === undefined ? undefined : { ...detailsOf(entry), firstId: kept.firstId },
    death: kept?.death,
    taken: taken && { ...taken },
  };
}

function carriedState({ state, taken }: Entry): CarriedState {
  if (taken !== undefined) return 'taken';
  return state === 'moving' ? 'dead' : (state as Exclude<EntryState, 'moving' | 'gone'>);
}

/** The entry for a carried item. */
export function fromCarried(item: CarriedItem): Entry {
  const { id, sourceId, createdAt, expireDeadline, attempts, maxAttempts, taken } = item;
  const kept = keptOf(item);
  return {
    ...{ id, sourceId, createdAt, expireDeadline, attempts, maxAttempts },
    ...stateOf(item),
    deadline: undefined,
    content: packContent(item),
    ...(item.dueAt !== undefined && { dueAt: item.dueAt }),
    ...(item.idleLeaseDeadline !== undefined && { idleLeaseDeadline: item.idleLeaseDeadline }),
    ...(item.heldSince !== undefined && { heldSince: item.heldSince }),
    ...(kept !== undefined && { kept }),
    ...(taken !== undefined && { taken: { ...taken } }),
  };
}

function keptOf({ details, death }: CarriedItem): KeptDetails | undefined {
  const kept = keptFrom(details);
  return death === undefined ? kept : { ...kept, death };
}

function stateOf({ state, until, expireDeadline }: CarriedItem): Pick<Entry, 'state' | 'due'> {
  switch (state) {
    case 'waiting':
      return { state, due: expireDeadline };
    case 'taken':
      return { state: 'scheduled', due: LAST_INSTANT };
    case 'dead':
      return { state: 'moving', due: until ?? AT_ONCE };
    case 'leased':
    case 'scheduled':
    case 'prepared':
    case 'moved':
      return { state, due: until ?? AT_ONCE };
  }
}
