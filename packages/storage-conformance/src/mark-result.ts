import type { ItemId, MarkResult } from '@querator/core';

/** What `markMoved` is to return, both in order. */
export function marked(now: readonly ItemId[], before: readonly ItemId[] = []): MarkResult {
  return { marked: now, markedBefore: before };
}

/** What `markMoved` returned, both in order. */
export function sorted({ marked, markedBefore }: MarkResult): MarkResult {
  return { marked: [...marked].sort(), markedBefore: [...markedBefore].sort() };
}
