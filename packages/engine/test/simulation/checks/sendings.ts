import type { OpRecord } from './run-record.ts';

/** The storage calls by which engines tried to store produced items, by item name. */
export function sendings(ops: readonly OpRecord[]): ReadonlyMap<string, readonly OpRecord[]> {
  const sent = new Map<string, OpRecord[]>();
  for (const op of ops) {
    for (const name of namesSent(op)) {
      const earlier = sent.get(name);
      if (earlier === undefined) sent.set(name, [op]);
      else earlier.push(op);
    }
  }
  return sent;
}

function namesSent({ sent: { name, args } }: OpRecord): readonly string[] {
  if (!name.startsWith('produce')) return [];
  const requests = args[0] as readonly { readonly items: readonly { readonly reference: string }[] }[];
  return requests.flatMap(({ items }) => items.map(({ reference }) => reference));
}
