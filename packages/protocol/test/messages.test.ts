import { describe, expect, it } from 'vitest';
import type { FieldTable, MessageTable } from '../src/fields/field-table.ts';
import * as generated from '../src/gen/tables.ts';
import { codecs } from '../src/messages/codecs.ts';
import { MESSAGE_FIELDS } from './message-fields.ts';

const tables: Readonly<Record<string, MessageTable>> = generated;

function typeOf(field: FieldTable): string {
  if (field.kind === 'map') return 'map<string,string>';
  if (field.kind === 'timestamp') return 'Timestamp';
  return `${field.message?.name ?? field.kind}${field.repeated ? '[]' : ''}`;
}

describe('the messages', () => {
  it('are those of the API, each with a codec', () => {
    expect(Object.keys(tables).sort()).toEqual(Object.keys(MESSAGE_FIELDS).sort());
    expect(Object.keys(codecs).sort()).toEqual(Object.keys(MESSAGE_FIELDS).sort());
    for (const [name, codec] of Object.entries(codecs)) expect(codec.name).toBe(name);
  });

  it.each(Object.keys(MESSAGE_FIELDS))('%s has the fields of the API', (name) => {
    const fields = tables[name]?.fields.map(
      (field) => `${field.number} ${field.protoName} ${field.jsonName} ${typeOf(field)}`,
    );
    expect(fields).toEqual(MESSAGE_FIELDS[name]);
  });

  it.each(Object.entries(codecs))('%s has every field of its table as a property', (name, codec) => {
    expect(Object.keys(codec.create())).toEqual(tables[name]?.fields.map((field) => field.name));
  });
});
