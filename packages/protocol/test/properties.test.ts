import { QueueError } from '@querator/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MessageTable } from '../src/fields/field-table.ts';
import * as generated from '../src/gen/tables.ts';
import * as generatedV2 from '../src/gen/tables-v2.ts';
import { codecs, codecsV2, type MessageCodec } from '../src/index.ts';
import { messageOf } from './arbitraries.ts';

function casesOf(
  codecsOfVersion: Readonly<Record<string, unknown>>,
  tables: Readonly<Record<string, MessageTable>>,
) {
  return Object.entries(codecsOfVersion).map(([name, codec]) => ({
    name,
    // Each codec only gets messages of its own table.
    codec: codec as MessageCodec<object>,
    table: tables[name] as MessageTable,
  }));
}

const cases = [...casesOf(codecs, generated), ...casesOf(codecsV2, generatedV2)];

/** Makes buffers and byte arrays comparable. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return [...(value as Map<string, string>)];
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** All names in a JSON value, and those that are in the wrong message. */
function checkNames(json: unknown, table: MessageTable): void {
  for (const [name, value] of Object.entries(json as object)) {
    const field = table.fields.find((candidate) => candidate.jsonName === name);
    expect(field, `${table.name}.${name}`).toBeDefined();
    if (field?.message === undefined) continue;
    const messages = field.repeated ? (value as unknown[]) : [value];
    for (const message of messages) checkNames(message, field.message);
  }
}

describe.each(cases)('$name', ({ codec, table }) => {
  it('is unchanged by the binary encoding', () => {
    fc.assert(
      fc.property(messageOf(table), (message) => {
        expect(plain(codec.decode(codec.encode(message)))).toEqual(plain(message));
      }),
      { numRuns: 30 },
    );
  });

  it('is unchanged by the JSON encoding, with the names of the API only', () => {
    fc.assert(
      fc.property(messageOf(table), (message) => {
        const json = codec.toJson(message);
        expect(plain(codec.fromJson(json))).toEqual(plain(message));
        checkNames(JSON.parse(Buffer.from(json).toString()), table);
      }),
      { numRuns: 30 },
    );
  });
});

function throwsOnlyQueueErrors(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof QueueError)) throw error;
    expect(['content', 'invalid']).toContain(error.code);
    expect(error.message.isWellFormed()).toBe(true);
  }
}

describe('malformed input causes no error but a QueueError', () => {
  it.each(cases)('$name: random bytes', ({ codec }) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (body) => {
        throwsOnlyQueueErrors(() => codec.decode(body));
        throwsOnlyQueueErrors(() => codec.fromJson(body));
      }),
      { numRuns: 60 },
    );
  });

  it.each(cases)('$name: valid messages with a byte changed, or cut', ({ codec, table }) => {
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255), cut: fc.boolean() });
    const damage = (body: Uint8Array, { at, byte, cut }: { at: number; byte: number; cut: boolean }) => {
      const copy = Uint8Array.from(body);
      if (copy.length > 0) copy[at % copy.length] = byte;
      return cut ? copy.subarray(0, at % (copy.length + 1)) : copy;
    };
    fc.assert(
      fc.property(messageOf(table), change, (message, how) => {
        throwsOnlyQueueErrors(() => codec.decode(damage(codec.encode(message), how)));
        throwsOnlyQueueErrors(() => codec.fromJson(damage(codec.toJson(message), how)));
      }),
      { numRuns: 40 },
    );
  });

  it.each(cases)('$name: random JSON under known and unknown names', ({ codec, table }) => {
    const name = fc.oneof(
      fc.constantFrom('code', ...table.fields.map((field) => field.jsonName)),
      fc.string(),
    );
    const body = fc.dictionary(name, fc.jsonValue(), { maxKeys: 3 });
    fc.assert(
      fc.property(body, (value) => {
        throwsOnlyQueueErrors(() => codec.fromJson(JSON.stringify(value)));
      }),
      { numRuns: 60 },
    );
  });
});

it('the generated decoder reads to its end every message that the check accepts', () => {
  // Re-encoding an accepted message must give an equal message, apart from unknown fields.
  const { QueueProduceRequest } = codecs;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), (body) => {
      try {
        const message = QueueProduceRequest.decode(body);
        expect(QueueProduceRequest.decode(QueueProduceRequest.encode(message))).toEqual(message);
      } catch (error) {
        if (!(error instanceof QueueError)) throw error;
      }
    }),
    { numRuns: 2_000 },
  );
});
