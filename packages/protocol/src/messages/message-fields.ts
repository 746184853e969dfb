import type { FieldTable, MessageTable } from '../fields/field-table.ts';
import type { Timestamp } from '../gen/google/protobuf/timestamp.ts';
import { type DateValue, dateToTimestamp, isDate } from '../time/dates.ts';

type Simple = Uint8Array | string | number | boolean | undefined;

/**
 * A message as a program writes it. Every field may be left out. A time may be a
 * `Date`, and pairs of texts may be a plain object.
 */
export type MessageFields<T> = T extends Simple
  ? T
  : T extends Timestamp
    ? Partial<Timestamp> | DateValue
    : T extends Map<string, string>
      ? ReadonlyMap<string, string> | Readonly<Record<string, string>>
      : T extends readonly (infer Element)[]
        ? readonly MessageFields<Element>[]
        : { readonly [Name in keyof T]?: MessageFields<T[Name]> };

type Fields = Readonly<Record<string, unknown>>;

/** The fields of each message that may be written in another way. */
const shortForms = new WeakMap<MessageTable, readonly FieldTable[]>();

function shortFormsOf(table: MessageTable): readonly FieldTable[] {
  const known = shortForms.get(table);
  if (known !== undefined) return known;
  // For a message that contains itself, whose other fields decide.
  shortForms.set(table, []);
  const found = table.fields.filter(
    ({ kind, message }) =>
      kind === 'timestamp' || kind === 'map' || (message !== undefined && shortFormsOf(message).length > 0),
  );
  shortForms.set(table, found);
  return found;
}

/**
 * The fields as the generated code takes them: times as `Timestamp`, pairs as `Map`.
 * Fields that have this form already are not copied.
 *
 * @throws QueueError `invalid` with the name of the field for a `Date` that is none.
 */
export function wireFields(table: MessageTable, fields: object): object {
  let changed: Record<string, unknown> | undefined;
  for (const field of shortFormsOf(table)) {
    const value = (fields as Fields)[field.name];
    if (value === undefined || value === null) continue;
    const wire = field.repeated ? wireList(field, value as readonly unknown[]) : wireValue(field, value);
    if (wire === value) continue;
    changed ??= { ...fields };
    changed[field.name] = wire;
  }
  return changed ?? fields;
}

function wireList(field: FieldTable, values: readonly unknown[]): readonly unknown[] {
  let changed: unknown[] | undefined;
  for (let n = 0; n < values.length; n++) {
    const wire = wireValue(field, values[n]);
    if (wire === values[n]) continue;
    changed ??= [...values];
    changed[n] = wire;
  }
  return changed ?? values;
}

function wireValue(field: FieldTable, value: unknown): unknown {
  if (field.kind === 'timestamp') {
    return isDate(value) ? dateToTimestamp(field.protoName, value) : value;
  }
  if (field.kind === 'map') {
    return value instanceof Map ? value : new Map(Object.entries(value as Readonly<Record<string, string>>));
  }
  return wireFields(field.message as MessageTable, value as object);
}
