import { OrderedDraft } from './ordered-draft.ts';
import { OrderedMap, type OrderedTexts } from './ordered-map.ts';

/** Says how the records of a table are found. */
export interface TableLayout<R, Index extends string> {
  /** The unique key, in whose order lists are. */
  readonly key: (record: R) => string;
  /** The texts under which an index has a record. No two records share one. */
  readonly indexes: Readonly<Record<Index, (record: R) => readonly string[]>>;
}

/** Records in order of their keys, with indexes. */
export class RecordTable<R, Index extends string> {
  readonly #layout: TableLayout<R, Index>;
  readonly #records: OrderedTexts<R>;
  readonly #indexes: Readonly<Record<Index, OrderedTexts<string>>>;
  readonly #drafts: readonly OrderedDraft<never>[];

  /** @param base the table that this one is a draft of. Undefined: none. */
  constructor(layout: TableLayout<R, Index>, base?: RecordTable<R, Index>) {
    const drafts: OrderedDraft<never>[] = [];
    const layer = <V>(below: OrderedTexts<V> | undefined): OrderedTexts<V> => {
      if (below === undefined) return new OrderedMap<V>();
      const draft = new OrderedDraft<V>(below);
      drafts.push(draft as OrderedDraft<never>);
      return draft;
    };
    const names = Object.keys(layout.indexes) as Index[];
    this.#layout = layout;
    this.#records = layer(base === undefined ? undefined : base.#records);
    this.#indexes = Object.fromEntries(
      names.map((name) => [name, layer(base === undefined ? undefined : base.#indexes[name])]),
    ) as Readonly<Record<Index, OrderedTexts<string>>>;
    this.#drafts = drafts;
  }

  get(key: string): R | undefined {
    return this.#records.get(key);
  }

  /** The record that an index has under this text. */
  find(index: Index, text: string): R | undefined {
    const key = this.#indexes[index].get(text);
    return key === undefined ? undefined : this.#records.get(key);
  }

  /** Adds a record, or replaces the one with the same key. */
  put(record: R): void {
    const key = this.#layout.key(record);
    this.remove(key);
    this.#records.set(key, record);
    this.#eachIndex(record, (index, text) => index.set(text, key));
  }

  remove(key: string): boolean {
    const record = this.#records.get(key);
    if (record === undefined) return false;
    this.#eachIndex(record, (index, text) => index.delete(text));
    this.#records.delete(key);
    return true;
  }

  /** The records from this key on, or from the next greater one. */
  *from(key: string): Generator<R> {
    for (const [, record] of this.#records.from(key)) yield record;
  }

  /** The records whose text in an index consists of these parts and one more, from `last` on. */
  *having(index: Index, parts: readonly string[], last = ''): Generator<R> {
    const prefix = joined(...parts, '');
    for (const [text, key] of this.#indexes[index].from(prefix + last)) {
      if (!text.startsWith(prefix)) return;
      yield this.#records.get(key) as R;
    }
  }

  /** Applies the changes of a draft to its base. */
  commit(): void {
    for (const draft of this.#drafts) draft.commit();
  }

  #eachIndex(record: R, use: (index: OrderedTexts<string>, text: string) => void): void {
    for (const name of Object.keys(this.#layout.indexes) as Index[]) {
      for (const text of this.#layout.indexes[name](record)) use(this.#indexes[name], text);
    }
  }
}

/** A text of several parts, which no other parts give. It sorts by the first part, then by the next. */
export function joined(...parts: readonly string[]): string {
  // U+0000 is in no stored text, and less than every character.
  return parts.join('\0');
}
