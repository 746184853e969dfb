import type { OpStory } from './story.ts';

/** The storage calls by which engines tried to store produced items, by the names of the items. */
export function sendings(ops: readonly OpStory[]): ReadonlyMap<string, readonly OpStory[]> {
  const sent = new Map<string, OpStory[]>();
  for (const op of ops) {
    for (const name of namesSent(op)) {
      const earlier = sent.get(name);
      if (earlier === undefined) sent.set(name, [op]);
      else earlier.push(op);
    }
  }
  return sent;
}

function namesSent({ sent: { name, args } }: OpStory): readonly string[] {
  if (!name.startsWith('produce')) return [];
  const requests = args[0] as readonly { readonly items: readonly { readonly reference: string }[] }[];
  return requests.flatMap(({ items }) => items.map(({ reference }) => reference));
}
