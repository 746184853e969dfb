import type { DeadLetter, ImportedItem, Instant, ItemContent, ItemId, NewItem } from '@querator/core';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Content told apart by its text, which is also the payload. */
export function content(text: string): ItemContent {
  return {
    encoding: `encoding of ${text}`,
    kind: `kind of ${text}`,
    reference: `reference of ${text}`,
    payload: encoder.encode(text),
  };
}

/** An item told apart by its text, with the time it is to become available. */
export function newItem(text: string, enqueueAt?: Instant): NewItem {
  return enqueueAt === undefined ? content(text) : { ...content(text), enqueueAt };
}

/** An item to be imported that waits and has never been leased, unless the overrides say otherwise. */
export function importedItem(text: string, overrides: Partial<ImportedItem> = {}): ImportedItem {
  return { ...content(text), isLeased: false, attempts: 0, maxAttempts: 0, ...overrides };
}

/** A letter told apart by its text, which is also the id it died under, unless that is given. */
export function deadLetter(text: string, sourceId: ItemId = text): DeadLetter {
  return { ...content(text), sourceId };
}

/** The texts by which items are told apart. */
export function textsOf(items: readonly ItemContent[]): string[] {
  return items.map((item) => decoder.decode(item.payload));
}

/** Nothing but the content, bytes as plain numbers: fit for `toEqual` whatever kind of array a driver returns. */
export function contentOf({ encoding, kind, reference, payload }: ItemContent) {
  return { encoding, kind, reference, payload: new Uint8Array(payload) };
}

/** `prefix0`, `prefix1`, … */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}
