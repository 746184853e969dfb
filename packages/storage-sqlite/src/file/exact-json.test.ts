import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readExact, writeExact } from './exact-json.ts';

const leaves = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.integer(),
  fc.boolean(),
  fc.bigInt(),
  fc.constant(undefined),
  fc.array(fc.tuple(fc.string(), fc.string())).map((pairs) => new Map(pairs)),
);
const records = fc.letrec((tie) => ({
  record: fc.dictionary(
    fc.string().filter((name) => !['$integer', '$map', '__proto__'].includes(name)),
    fc.oneof({ depthSize: 'small' }, leaves, tie('record'), fc.array(leaves)),
    { noNullPrototype: true },
  ),
})).record;

test('records come back as they were', () => {
  fc.assert(
    fc.property(records, (record) => {
      expect(readExact(writeExact(record))).toStrictEqual(record);
    }),
  );
});
