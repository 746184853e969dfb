import type { ServerResponse } from 'node:http';
import type { WireFormat } from '@querator/protocol';
import { ANSWER_HEADERS, type Answer } from '../call/answer.ts';

const HEADERS: Readonly<Record<WireFormat, readonly string[]>> = {
  json: Object.entries(ANSWER_HEADERS.json).flat(),
  protobuf: Object.entries(ANSWER_HEADERS.protobuf).flat(),
};

/** Bodies up to this length are copied, to leave in one piece with the headers. Longer ones follow them. */
const COPIED_BYTES = 4_096;

/**
 * Sends an answer as Node's response.
 *
 * @param end false: the caller ends the response, which may close the connection.
 */
export function sendAnswer(
  outgoing: ServerResponse,
  { status, format, body, headers }: Answer,
  { end = true }: { readonly end?: boolean } = {},
): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
  const more = headers === undefined ? [] : Object.entries(headers).flat();
  outgoing.writeHead(status, [...HEADERS[format], ...more, 'Content-Length', String(length)]);
  if (!end) outgoing.write(body);
  else if (typeof body === 'string') outgoing.end(body);
  else if (length <= COPIED_BYTES) outgoing.end(bytesAsText(body), 'latin1');
  else outgoing.end(body);
}

function bytesAsText(bytes: Uint8Array<ArrayBuffer>): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
