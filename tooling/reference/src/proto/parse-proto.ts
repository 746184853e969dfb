/** One field of a message. */
export interface ProtoField {
  readonly number: number;
  /** The name in JSON replies. */
  readonly jsonName: string;
  /** The name in the .proto file. JSON requests may use it too. */
  readonly protoName: string;
  readonly type: string;
  readonly repeated: boolean;
  readonly comment: string;
}

/** One message of a .proto file. */
export interface ProtoMessage {
  readonly name: string;
  readonly comment: string;
  readonly fields: readonly ProtoField[];
}

const COMMENT = /^\s*\/\/ ?(.*)$/;
const MESSAGE = /^message (\w+) \{/;
const FIELD = /^ {2}(repeated )?(map<\w+, \w+>|[\w.]+) (\w+) = (\d+)(?: \[json_name = "(\w+)"\])?;/;

/**
 * Reads the messages of a .proto file with their comments. Covers what the files
 * of `packages/protocol/proto` use: no nesting, no oneof, no enum.
 */
export function parseProto(text: string): readonly ProtoMessage[] {
  const messages: ProtoMessage[] = [];
  let fields: ProtoField[] = [];
  let comment: string[] = [];
  for (const line of text.split('\n')) {
    const [, words] = COMMENT.exec(line) ?? [];
    if (words !== undefined) {
      comment.push(words);
      continue;
    }
    const [, name] = MESSAGE.exec(line) ?? [];
    if (name !== undefined) {
      fields = [];
      messages.push({ name, comment: comment.join(' '), fields });
    }
    const field = parseField(line, comment.join(' '));
    if (field !== undefined) fields.push(field);
    comment = [];
  }
  return messages;
}

function parseField(line: string, comment: string): ProtoField | undefined {
  const match = FIELD.exec(line);
  if (match === null) return undefined;
  const [, repeated, type = '', protoName = '', number, jsonName = protoName] = match;
  return { number: Number(number), jsonName, protoName, type, repeated: repeated !== undefined, comment };
}
