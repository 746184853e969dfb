import type { FieldTable, MessageTable } from './field-table.ts';

/** A longer text or payload, in UTF-16 units or bytes, is encoded in parts: one takes less than 1 ms. */
export const LONG_VALUE = 262_144;

/** The texts and payloads of a value, in UTF-16 units and bytes. Does not look into lists of lists. */
export function weightOf(field: FieldTable, value: unknown): number {
  switch (field.kind) {
    case 'string':
    case 'bytes':
      return (value as string | Uint8Array).length;
    case 'message':
      return value === undefined ? 0 : weightOfMessage(field.message as MessageTable, value);
    default:
      return 0;
  }
}

function weightOfMessage({ fields }: MessageTable, message: unknown): number {
  const values = message as Readonly<Record<string, unknown>>;
  let weight = 0;
  for (const field of fields) if (!field.repeated) weight += weightOf(field, values[field.name]);
  return weight;
}

/** Splits a long text into parts, none of them within a surrogate pair. */
export function* partsOf(text: string): Generator<string> {
  for (let at = 0, end = 0; at < text.length; at = end) {
    end = Math.min(at + LONG_VALUE, text.length);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end--;
    yield text.slice(at, end);
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
