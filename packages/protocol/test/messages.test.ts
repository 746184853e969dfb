import { describe, expect, it } from 'vitest';
import type { FieldTable, MessageTable } from '../src/fields/field-table.ts';
import * as generated from '../src/gen/tables.ts';
import * as generatedV2 from '../src/gen/tables-v2.ts';
import { codecs } from '../src/messages/codecs.ts';
import { codecsV2 } from '../src/messages/codecs-v2.ts';
import { MESSAGE_FIELDS } from './message-fields.ts';
import { MESSAGE_FIELDS_V2 } from './message-fields-v2.ts';

function typeOf(field: FieldTable): string {
  if (field.kind === 'map') return 'map<string,string>';
  if (field.kind === 'timestamp') return 'Timestamp';
  return `${field.message?.name ?? field.kind}${field.repeated ? '[]' : ''}`;
}

interface Version {
  readonly version: string;
  readonly tables: Readonly<Record<string, MessageTable>>;
  readonly codecs: Readonly<Record<string, { readonly name: string; create(): object }>>;
  readonly fields: Readonly<Record<string, readonly string[]>>;
}

const VERSIONS: readonly Version[] = [
  { version: 'v1', tables: generated, codecs, fields: MESSAGE_FIELDS },
  { version: 'v2', tables: generatedV2, codecs: codecsV2, fields: MESSAGE_FIELDS_V2 },
];

describe.each(VERSIONS)('the messages of $version', ({ tables, codecs, fields: expected }) => {
  it('are those of the API, each with a codec', () => {
    expect(Object.keys(tables).sort()).toEqual(Object.keys(expected).sort());
    expect(Object.keys(codecs).sort()).toEqual(Object.keys(expected).sort());
    for (const [name, codec] of Object.entries(codecs)) expect(codec.name).toBe(name);
  });

  it.each(Object.keys(expected))('%s has the fields of the API', (name) => {
    const fields = tables[name]?.fields.map(
      (field) => `${field.number} ${field.protoName} ${field.jsonName} ${typeOf(field)}`,
    );
    expect(fields).toEqual(expected[name]);
  });

  it.each(Object.entries(codecs))('%s has every field of its table as a property', (name, codec) => {
    expect(Object.keys(codec.create())).toEqual(tables[name]?.fields.map((field) => field.name));
  });
});
