import { QueueError } from '@querator/core';
import type { WireFormat } from './wire-format.ts';

const FORMATS: ReadonlyMap<string, WireFormat> = new Map([
  ['', 'json'],
  ['*/*', 'json'],
  ['application/*', 'json'],
  ['application/json', 'json'],
  ['application/protobuf', 'protobuf'],
]);

/**
 * How the body of a request is to be read (wire.md, section 2).
 *
 * @param contentType the raw header; absent counts as JSON.
 * @throws QueueError `content` when it is neither JSON nor protobuf.
 */
export function negotiateRequest(contentType: string | null | undefined): WireFormat {
  const format = FORMATS.get(contentType ?? '') ?? FORMATS.get(firstMediaType(contentType));
  if (format !== undefined) return format;
  throw new QueueError(
    'content',
    `Content-Type header '${contentType}' is invalid format or unrecognized content type`,
  );
}

/**
 * How the reply is to be written (wire.md, section 3): the first listed type
 * counts, weights do not. What the request was written in plays no part. Call
 * it before the action is carried out; the refusal itself is sent as JSON.
 *
 * @param accept the raw header; absent means JSON.
 * @throws QueueError `content` when the first type is neither JSON nor protobuf.
 */
export function negotiateReply(accept: string | null | undefined): WireFormat {
  const plain = FORMATS.get(accept ?? '');
  if (plain !== undefined) return plain;
  const first = firstMediaType(accept);
  const format = FORMATS.get(first);
  if (format !== undefined) return format;
  throw new QueueError(
    'content',
    `Accept header '${first}' is invalid format or unrecognized content type, ` +
      'only [application/json,application/protobuf] are supported by this method',
  );
}

/** In lower case; parameters and further types are cut off. */
function firstMediaType(header: string | null | undefined): string {
  return (header ?? '').split(/[;,]/, 1)[0]?.trim().toLowerCase() ?? '';
}
