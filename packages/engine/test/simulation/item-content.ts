import type { ItemContent } from '@querator/core';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The content of the item of that name. All of it follows from the name, so that every change is noticed. */
export function contentOf(name: string): ItemContent {
  return { encoding: 'utf-8', kind: 'simulated', reference: name, payload: encoder.encode(name) };
}

/** Whether the content is that of the item whose name it holds. */
export function isIntact({ encoding, kind, reference, payload }: ItemContent): boolean {
  return encoding === 'utf-8' && kind === 'simulated' && decoder.decode(payload) === reference;
}
