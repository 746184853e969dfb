import type { StoredItem } from '@querator/core';
import { expect } from 'vitest';
import { content, contentOf, textsOf } from '../content.ts';
import type { ModelItem } from './partition-model.ts';

/** What is compared of an item that a driver lists. */
export function visibleItem(item: StoredItem) {
  return {
    text: textsOf([item])[0],
    isLeased: item.isLeased,
    attempts: item.attempts,
    sourceId: item.sourceId,
    createdAt: item.createdAt,
    enqueueAt: item.enqueueAt,
    content: contentOf(item),
    deadlines: { expire: item.expireDeadline, lease: item.leaseDeadline },
  };
}

/** The same of the model's item. A moving one's deadlines are the driver's own business. */
export function expectedItem({
  text,
  state,
  attempts,
  sourceId,
  createdAt,
  until,
  expireDeadline,
}: ModelItem) {
  const isMoving = state === 'moving' || state === 'moved';
  const isLeased = state === 'leased' || state === 'prepared';
  return {
    text,
    isLeased: isLeased || isMoving,
    attempts,
    sourceId,
    createdAt,
    enqueueAt: state === 'scheduled' ? until : undefined,
    content: content(text),
    deadlines: isMoving ? expect.anything() : { expire: expireDeadline, lease: isLeased ? until : undefined },
  };
}
