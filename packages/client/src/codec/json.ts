import { errorText } from '@querator/core';
import { type Codec, text } from './codec.ts';
import { PayloadError } from './payload-error.ts';
import type { SchemaIssue, SchemaResult, StandardSchema } from './standard-schema.ts';

const encoder = new TextEncoder();

/**
 * JSON payloads of type `T`. The type is a promise of the program: payloads are
 * parsed, and not checked.
 */
export function json<T>(): Codec<T>;
/**
 * JSON payloads that a schema checks, such as one of zod: before they are sent,
 * and after they are received. A handler gets what the schema returns.
 */
export function json<Input, Output>(schema: StandardSchema<Input, Output>): Codec<Input, Output>;
export function json<Input, Output>(schema?: StandardSchema<Input, Output>): Codec<Input, Output> {
  return {
    encoding: 'application/json',
    encode: (value) => {
      if (schema === undefined) return stringify(value);
      const checked = check(schema, value);
      // What is sent is what was given: the receiver's schema applies defaults and conversions again.
      return checked instanceof Promise ? checked.then(() => stringify(value)) : stringify(value);
    },
    decode: (payload, content) => {
      const value: unknown = parse(text.decode(payload, content) as string);
      return schema === undefined ? (value as Output) : check(schema, value);
    },
  };
}

function stringify(value: unknown): Uint8Array {
  const written: unknown = JSON.stringify(value);
  if (typeof written !== 'string') throw new PayloadError(errorText`${typeof value} has no form in JSON`);
  return encoder.encode(written);
}

function parse(written: string): unknown {
  try {
    return JSON.parse(written);
  } catch (error) {
    throw new PayloadError('payload is not JSON', { cause: error });
  }
}

function check<Input, Output>(
  schema: StandardSchema<Input, Output>,
  value: unknown,
): Output | Promise<Output> {
  const result = schema['~standard'].validate(value);
  return result instanceof Promise ? result.then(valueFrom) : valueFrom(result);
}

function valueFrom<Output>(result: SchemaResult<Output>): Output {
  if (result.issues === undefined) return result.value;
  const [first] = result.issues;
  throw new PayloadError(errorText`payload is invalid; ${pathOf(first)}${first?.message ?? ''}`);
}

/** Where the fault is, as `user.name: `. */
function pathOf(issue: SchemaIssue | undefined): string {
  const path = issue?.path ?? [];
  if (path.length === 0) return '';
  return `${path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')}: `;
}
