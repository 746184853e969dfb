import { ELEMENTS_AT_ONCE } from '../fields/element-limit.ts';
import type { FieldTable, MessageTable } from '../fields/field-table.ts';
import { LargeBody } from '../fields/large-body.ts';
import { LONG_VALUE, partsOf, weightOf } from '../fields/long-values.ts';
import { isDefault, JsonEmitter } from './emit-json.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Bytes of a payload that are encoded at a time. A multiple of 3, so that base64 needs no padding in between. */
const PAYLOAD_PART = 196_608;
/** Written bytes are set aside once there are this many. A writer copies them when it grows. */
const OUTPUT_PART = 1_048_576;

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * As `emitJson`, for a large message: with pauses between the elements of its lists,
 * and within long texts and payloads.
 *
 * @param pause lets other work run.
 */
export async function emitLargeJson(
  message: object,
  table: MessageTable,
  pause: () => Promise<void>,
): Promise<Uint8Array> {
  const emitter = new LargeJsonEmitter(pause);
  await emitter.message(message as Fields, table);
  return emitter.finish();
}

class LargeJsonEmitter {
  readonly #emitter = new JsonEmitter();
  readonly #pause: () => Promise<void>;
  readonly #body: LargeBody;

  constructor(pause: () => Promise<void>) {
    this.#pause = pause;
    this.#body = new LargeBody(pause);
  }

  async finish(): Promise<Uint8Array> {
    await this.#setAside();
    return this.#body.join();
  }

  async message(message: Fields, table: MessageTable): Promise<void> {
    const { writer } = this.#emitter;
    writer.character(OPEN_BRACE);
    let isFirst = true;
    for (const field of table.fields) {
      const value = message[field.name];
      if (isDefault(field, value)) continue;
      // Every key starts with a comma; the first one skips it.
      writer.raw(field.jsonKey, isFirst ? 1 : 0);
      isFirst = false;
      if (field.repeated) await this.#list(field, value as readonly unknown[]);
      else await this.#value(field, value);
    }
    writer.character(CLOSE_BRACE);
  }

  async #list(field: FieldTable, values: readonly unknown[]): Promise<void> {
    const { writer } = this.#emitter;
    writer.character(OPEN_BRACKET);
    for (const [index, value] of values.entries()) {
      if (index > 0) writer.character(COMMA);
      if (index > 0 && index % ELEMENTS_AT_ONCE === 0) await this.#pause();
      if (weightOf(field, value) > LONG_VALUE) await this.#value(field, value);
      else this.#emitter.value(field, value);
      if (writer.length > OUTPUT_PART) await this.#setAside();
    }
    writer.character(CLOSE_BRACKET);
  }

  async #value(field: FieldTable, value: unknown): Promise<void> {
    if (weightOf(field, value) <= LONG_VALUE) this.#emitter.value(field, value);
    else if (field.kind === 'message') await this.message(value as Fields, field.message as MessageTable);
    else if (typeof value === 'string') await this.#text(value);
    else await this.#payload(value as Uint8Array);
  }

  async #text(text: string): Promise<void> {
    const { writer } = this.#emitter;
    writer.character(QUOTE);
    for (const part of partsOf(text)) {
      await this.#setAside();
      const quoted = Buffer.from(JSON.stringify(part.toWellFormed()));
      await this.#body.add(quoted.subarray(1, -1));
    }
    writer.character(QUOTE);
  }

  async #payload(bytes: Uint8Array): Promise<void> {
    const { writer } = this.#emitter;
    const payload = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    writer.character(QUOTE);
    for (let at = 0; at < payload.length; at += PAYLOAD_PART) {
      await this.#setAside();
      const text = payload.toString('base64', at, Math.min(at + PAYLOAD_PART, payload.length));
      await this.#body.add(Buffer.from(text, 'latin1'));
    }
    writer.character(QUOTE);
  }

  async #setAside(): Promise<void> {
    await this.#body.add(this.#emitter.writer.take());
  }
}
