import type { ProtoField } from '../proto/parse-proto.ts';
import { readMessages } from '../proto/read-messages.ts';
import { markdownTable } from './markdown-table.ts';

/** The fields of a message: number, JSON name, type, meaning. */
export function fieldTable(messageName: string): string {
  const message = readMessages().get(messageName);
  if (message === undefined) throw new Error(`no .proto file has a message '${messageName}'`);
  return markdownTable(
    ['#', 'field', 'type', 'meaning'],
    message.fields.map((field) => [
      String(field.number),
      `\`${field.jsonName}\``,
      typeName(field),
      field.comment,
    ]),
  );
}

function typeName({ type, repeated }: ProtoField): string {
  const name = type.startsWith('map<')
    ? 'object'
    : type === 'google.protobuf.Timestamp'
      ? 'timestamp'
      : /^[A-Z]/.test(type)
        ? `\`${type}\``
        : type;
  return repeated ? `list of ${name}` : name;
}
