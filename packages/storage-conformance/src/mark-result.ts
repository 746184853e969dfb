import type { ItemId, MarkResult } from '@querator/core';

/** The expected result of `markMoved`, in id order. */
export function marked(now: readonly ItemId[], before: readonly ItemId[] = []): MarkResult {
  return { marked: now, markedBefore: before };
}

/** The result of `markMoved`, in id order. */
export function sorted({ marked, markedBefore }: MarkResult): MarkResult {
  return { marked: [...marked].sort(), markedBefore: [...markedBefore].sort() };
}
