import type { ProtoField } from '../proto/parse-proto.ts';

/** A JSON schema, or a part of the document. */
export type Json = { readonly [key: string]: unknown };

/** A duration in the syntax of Go. Empty counts as absent. */
const DURATION = '^([+-]?(0|(([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|\\u00b5s|\\u03bcs|ms|s|m|h))+))?$';

const SCALARS: Readonly<Record<string, Json>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  // A JSON number, never a text. The server keeps to the integers that a double holds exactly.
  int64: {
    type: 'integer',
    format: 'int64',
    minimum: Number.MIN_SAFE_INTEGER,
    maximum: Number.MAX_SAFE_INTEGER,
  },
  bytes: { type: 'string', contentEncoding: 'base64' },
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'map<string, string>': { type: 'object', additionalProperties: { type: 'string' } },
};

/** Where a field is, as far as its schema depends on it. */
export interface FieldPlace {
  /** The name of the component for a message type of this field's package. */
  readonly component: (type: string) => string;
  /** The words that the field takes. */
  readonly words: readonly string[] | undefined;
  /** Whether the field is only in requests. Replies of a later version may have further words. */
  readonly onlyInRequests: boolean;
}

/** The schema of a field in JSON. */
export function fieldSchema(field: ProtoField, place: FieldPlace): Json {
  const value = valueSchema(field, place);
  const schema = field.repeated ? { type: 'array', items: value } : value;
  return { ...schema, description: field.comment };
}

function valueSchema({ type, comment }: ProtoField, { component, words, onlyInRequests }: FieldPlace): Json {
  const scalar = SCALARS[type];
  if (scalar === undefined) return { $ref: `#/components/schemas/${component(type)}` };
  if (words !== undefined) return { ...scalar, [onlyInRequests ? 'enum' : 'examples']: words };
  return /\bduration\b/.test(comment) ? { ...scalar, pattern: DURATION, examples: ['30s'] } : scalar;
}
