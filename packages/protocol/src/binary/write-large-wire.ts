import { ELEMENTS_AT_ONCE } from '../fields/element-limit.ts';
import type { FieldTable, MessageTable } from '../fields/field-table.ts';
import { LargeBody } from '../fields/large-body.ts';
import { LONG_VALUE, partsOf, weightOf } from '../fields/long-values.ts';
import { WireWriter } from './wire-writer.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The generated code that encodes a message. */
export type EncodeWire = (message: object) => Uint8Array;

/** Texts and payloads of elements that are encoded together, in UTF-16 units and bytes. */
const GROUP_WEIGHT = 1_048_576;
/** Parts of a long text that are encoded between two pauses. */
const TEXT_PARTS_AT_ONCE = 4;
/** The wire type of texts, payloads and messages. */
const LENGTH_DELIMITED = 2;

/**
 * Writes a large message in protobuf. The elements of its lists are encoded some
 * at a time, with pauses: protobuf joins lists whose messages follow one another.
 *
 * @param pause lets other work run.
 */
export function writeLargeWire(
  encode: EncodeWire,
  table: MessageTable,
  message: object,
  pause: () => Promise<void>,
): Promise<Uint8Array> {
  return new LargeWire(encode, table, pause).write(message as Fields);
}

class LargeWire {
  readonly #encode: EncodeWire;
  readonly #table: MessageTable;
  readonly #pause: () => Promise<void>;
  readonly #body: LargeBody;

  constructor(encode: EncodeWire, table: MessageTable, pause: () => Promise<void>) {
    this.#encode = encode;
    this.#table = table;
    this.#pause = pause;
    this.#body = new LargeBody(pause);
  }

  async write(message: Fields): Promise<Uint8Array> {
    const lists = this.#table.fields.filter(({ repeated }) => repeated);
    const without = Object.fromEntries(lists.map(({ name }) => [name, []]));
    await this.#body.add(this.#encode({ ...message, ...without }));
    for (const list of lists) await this.#list(list, message[list.name] as readonly unknown[]);
    return this.#body.join();
  }

  async #list(list: FieldTable, elements: readonly unknown[]): Promise<void> {
    let group: unknown[] = [];
    let weight = 0;
    for (const element of elements) {
      if (group.length === ELEMENTS_AT_ONCE || weight > GROUP_WEIGHT) {
        await this.#body.add(this.#encodeList(list, group));
        await this.#pause();
        group = [];
        weight = 0;
      }
      const added = weightOf(list, element);
      if (added > LONG_VALUE && list.kind === 'message') {
        await this.#body.add(this.#encodeList(list, group));
        group = [];
        weight = 0;
        await this.#longElement(list, element as Fields);
      } else {
        group.push(element);
        weight += added;
      }
    }
    await this.#body.add(this.#encodeList(list, group));
  }

  #encodeList(list: FieldTable, elements: readonly unknown[]): Uint8Array {
    return this.#encode({ ...this.#table.create(), [list.name]: elements });
  }

  /** Long texts and payloads follow the other fields of the element: the order of fields has no meaning. */
  async #longElement(list: FieldTable, element: Fields): Promise<void> {
    const { fields, create } = list.message as MessageTable;
    const long = fields.filter(
      (field) => field.kind !== 'message' && weightOf(field, element[field.name]) > LONG_VALUE,
    );
    const empty = create();
    const short = { ...element, ...Object.fromEntries(long.map(({ name }) => [name, empty[name]])) };
    const parts = [contentOf(this.#encodeList(list, [short]))];
    for (const field of long) {
      const value = element[field.name] as string | Uint8Array;
      const encoded = typeof value === 'string' ? await this.#encodeText(value) : [value];
      parts.push(header(field, lengthOf(encoded)), ...encoded);
    }
    await this.#body.add(header(list, lengthOf(parts)));
    for (const part of parts) await this.#body.add(part);
  }

  async #encodeText(text: string): Promise<readonly Uint8Array[]> {
    const parts: Uint8Array[] = [];
    for (const part of partsOf(text)) {
      if (parts.length > 0 && parts.length % TEXT_PARTS_AT_ONCE === 0) await this.#pause();
      parts.push(Buffer.from(part));
    }
    return parts;
  }
}

function header(field: FieldTable, length: number): Uint8Array {
  return new WireWriter().tag(field.number, LENGTH_DELIMITED).uint32(length).finish();
}

/** The content of the only field of a message, without its tag and length. */
function contentOf(framed: Uint8Array): Uint8Array {
  let at = 0;
  for (let varints = 0; varints < 2; at++) if ((framed[at] as number) < 0x80) varints++;
  return framed.subarray(at);
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}
