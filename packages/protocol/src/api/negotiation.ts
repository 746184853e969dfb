import { errorText, QueueError } from '@querator/core';
import type { WireFormat } from '../messages/wire-format.ts';

const FORMATS: ReadonlyMap<string, WireFormat> = new Map([
  ['', 'json'],
  ['*/*', 'json'],
  ['application/*', 'json'],
  ['application/json', 'json'],
  ['application/protobuf', 'protobuf'],
]);

/**
 * The format of a request body (docs/reference/http-api.md).
 *
 * @param contentType the raw header; undefined means JSON.
 * @throws QueueError `content` if it is neither JSON nor protobuf.
 */
export function negotiateRequest(contentType: string | null | undefined): WireFormat {
  const format = FORMATS.get(contentType ?? '') ?? FORMATS.get(firstMediaType(contentType));
  if (format !== undefined) return format;
  throw new QueueError(
    'content',
    errorText`Content-Type header '${contentType ?? ''}' is invalid format or unrecognized content type`,
  );
}

/**
 * The format of the reply (docs/reference/http-api.md). Only the first listed
 * type counts; weights and the request's format do not. Call it before the
 * request runs; its own error is sent as JSON.
 *
 * @param accept the raw header; undefined means JSON.
 * @throws QueueError `content` if the first type is neither JSON nor protobuf.
 */
export function negotiateReply(accept: string | null | undefined): WireFormat {
  const plain = FORMATS.get(accept ?? '');
  if (plain !== undefined) return plain;
  const first = firstMediaType(accept);
  const format = FORMATS.get(first);
  if (format !== undefined) return format;
  throw new QueueError(
    'content',
    errorText`Accept header '${first}' is invalid format or unrecognized content type, only [application/json,application/protobuf] are supported by this method`,
  );
}

/** The first type in lower case, without parameters. */
function firstMediaType(header: string | null | undefined): string {
  return (header ?? '').split(/[;,]/, 1)[0]?.trim().toLowerCase() ?? '';
}
