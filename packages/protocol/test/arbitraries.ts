import fc from 'fast-check';
import type { FieldTable, MessageTable } from '../src/fields/field-table.ts';

const text = fc.oneof(fc.string({ maxLength: 200 }), fc.string({ unit: 'binary', maxLength: 40 }));

/** Names of map entries, including those of properties that every object has. */
const name = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'toString'));

const timestamp = fc.record({
  seconds: fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }),
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
});

function valueFor(field: FieldTable): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'string':
      return text;
    case 'bytes':
      // Decoded payloads are views on buffers, so the tests compare their content.
      return fc.uint8Array({ maxLength: 1_000 });
    case 'int32':
      return fc.integer();
    case 'int64':
      return fc.maxSafeInteger();
    case 'bool':
      return fc.boolean();
    case 'timestamp':
      return fc.option(timestamp, { nil: undefined });
    case 'map':
      return fc.array(fc.tuple(name, text), { maxLength: 5 }).map((entries) => new Map(entries));
    case 'message':
      return messageOf(field.message as MessageTable);
  }
}

/** Any message of that type. */
export function messageOf(table: MessageTable): fc.Arbitrary<object> {
  const fields = table.fields.map((field) => {
    if (field.repeated) return [field.name, fc.array(valueFor(field), { maxLength: 5 })];
    const value = valueFor(field);
    return [field.name, field.kind === 'message' ? fc.option(value, { nil: undefined }) : value];
  });
  return fc.record(Object.fromEntries(fields), { noNullPrototype: true });
}
