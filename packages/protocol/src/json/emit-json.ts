import { ELEMENTS_AT_ONCE } from '../fields/element-limit.ts';
import type { FieldTable, MessageTable } from '../fields/field-table.ts';
import type { Timestamp } from '../gen/google/protobuf/timestamp.ts';
import { formatTimestamp } from '../time/wire-time.ts';
import { JsonWriter } from './json-writer.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Writes a message as compact protobuf JSON: fields in declaration order under
 * their JSON names, without those that have their default.
 */
export function emitJson(message: object, table: MessageTable): Uint8Array {
  const emitter = new Emitter();
  emitter.message(message as Fields, table);
  return emitter.writer.finish();
}

/**
 * As {@link emitJson}, with pauses between the elements of the outermost message's
 * lists.
 *
 * @param pause lets other work run.
 */
export async function emitLargeJson(
  message: object,
  table: MessageTable,
  pause: () => Promise<void>,
): Promise<Uint8Array> {
  const emitter = new Emitter();
  await emitter.largeMessage(message as Fields, table, pause);
  return emitter.writer.finish();
}

class Emitter {
  readonly writer = new JsonWriter();
  /** Caches the last text: items of one lease have the same deadline. */
  #lastTimestamp: Timestamp | undefined;
  #lastTimestampText = '';

  message(message: Fields, table: MessageTable): void {
    const { writer } = this;
    writer.character(OPEN_BRACE);
    let isFirst = true;
    for (const field of table.fields) {
      const value = message[field.name];
      if (isDefault(field, value)) continue;
      // Every key starts with a comma; the first one skips it.
      writer.raw(field.jsonKey, isFirst ? 1 : 0);
      isFirst = false;
      if (field.repeated) this.#list(field, value as readonly unknown[]);
      else this.#value(field, value);
    }
    writer.character(CLOSE_BRACE);
  }

  /** As {@link message}, for the outermost message. */
  async largeMessage(message: Fields, table: MessageTable, pause: () => Promise<void>): Promise<void> {
    const { writer } = this;
    writer.character(OPEN_BRACE);
    let isFirst = true;
    for (const field of table.fields) {
      const value = message[field.name];
      if (isDefault(field, value)) continue;
      writer.raw(field.jsonKey, isFirst ? 1 : 0);
      isFirst = false;
      if (field.repeated) await this.#largeList(field, value as readonly unknown[], pause);
      else this.#value(field, value);
    }
    writer.character(CLOSE_BRACE);
  }

  async #largeList(field: FieldTable, values: readonly unknown[], pause: () => Promise<void>): Promise<void> {
    const { writer } = this;
    writer.character(OPEN_BRACKET);
    for (const [index, value] of values.entries()) {
      if (index > 0) writer.character(COMMA);
      if (index > 0 && index % ELEMENTS_AT_ONCE === 0) await pause();
      this.#value(field, value);
    }
    writer.character(CLOSE_BRACKET);
  }

  #list(field: FieldTable, values: readonly unknown[]): void {
    const { writer } = this;
    writer.character(OPEN_BRACKET);
    let isFirst = true;
    for (const value of values) {
      if (!isFirst) writer.character(COMMA);
      isFirst = false;
      this.#value(field, value);
    }
    writer.character(CLOSE_BRACKET);
  }

  #value(field: FieldTable, value: unknown): void {
    switch (field.kind) {
      case 'string':
        this.writer.string(value as string);
        break;
      case 'int32':
        this.writer.plain(`${value as number}`);
        break;
      case 'bool':
        this.writer.plain(value === true ? 'true' : 'false');
        break;
      case 'bytes':
        this.writer.base64(value as Uint8Array);
        break;
      case 'timestamp':
        this.#timestamp(value as Timestamp);
        break;
      case 'message':
        this.message(value as Fields, field.message as MessageTable);
        break;
      case 'map':
        this.#map(value as ReadonlyMap<string, string>);
        break;
    }
  }

  #timestamp(timestamp: Timestamp): void {
    const last = this.#lastTimestamp;
    if (last === undefined || last.seconds !== timestamp.seconds || last.nanos !== timestamp.nanos) {
      this.#lastTimestamp = timestamp;
      this.#lastTimestampText = formatTimestamp(timestamp);
    }
    this.writer.character(QUOTE);
    this.writer.plain(this.#lastTimestampText);
    this.writer.character(QUOTE);
  }

  #map(entries: ReadonlyMap<string, string>): void {
    const { writer } = this;
    writer.character(OPEN_BRACE);
    let isFirst = true;
    for (const [key, value] of entries) {
      if (!isFirst) writer.character(COMMA);
      isFirst = false;
      writer.string(key);
      writer.character(COLON);
      writer.string(value);
    }
    writer.character(CLOSE_BRACE);
  }
}

function isDefault(field: FieldTable, value: unknown): boolean {
  if (field.repeated) return (value as readonly unknown[]).length === 0;
  switch (field.kind) {
    case 'string':
      return value === '';
    case 'int32':
      return value === 0;
    case 'bool':
      return value === false;
    case 'bytes':
      return (value as Uint8Array).length === 0;
    case 'map':
      return (value as ReadonlyMap<string, string>).size === 0;
    default:
      return value === undefined;
  }
}
