import type { StoredItem } from '@querator/core';
import { expect } from 'vitest';
import { content, contentOf, textsOf } from '../fixture/content.ts';
import type { ModelItem } from './partition-model.ts';

/** The part of a listed item that the model compares. */
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

/** The same part of the model's item. The driver chooses the deadlines of a moving one. */
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
