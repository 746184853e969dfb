import type { DeadLetter, ImportedItem, Instant, ItemContent, ItemId, NewItem } from '@querator/core';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Content that its text identifies; the text is also the payload. */
export function content(text: string): ItemContent {
  return {
    encoding: `encoding of ${text}`,
    kind: `kind of ${text}`,
    reference: `reference of ${text}`,
    payload: encoder.encode(text),
  };
}

/** An item that its text identifies, with its `enqueueAt`. */
export function newItem(text: string, enqueueAt?: Instant): NewItem {
  return enqueueAt === undefined ? content(text) : { ...content(text), enqueueAt };
}

/** An item to import: waiting and never leased, apart from the overrides. */
export function importedItem(text: string, overrides: Partial<ImportedItem> = {}): ImportedItem {
  return { ...content(text), isLeased: false, attempts: 0, maxAttempts: 0, ...overrides };
}

/** A letter that its text identifies; the text is also the default of its source id. */
export function deadLetter(text: string, sourceId: ItemId = text): DeadLetter {
  return { ...content(text), sourceId };
}

/** The texts that identify items. */
export function textsOf(items: readonly ItemContent[]): string[] {
  return items.map((item) => decoder.decode(item.payload));
}

/** The content only, with the payload as plain numbers, so that `toEqual` accepts any kind of byte array. */
export function contentOf({ encoding, kind, reference, payload }: ItemContent) {
  return { encoding, kind, reference, payload: new Uint8Array(payload) };
}

/** `prefix0`, `prefix1`, … */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}
