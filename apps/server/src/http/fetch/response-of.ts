import { ANSWER_HEADERS, type Answer } from '../call/answer.ts';

/** An answer as a response of the Fetch standard. */
export function responseOf({ status, format, body, headers }: Answer): Response {
  const length = { 'Content-Length': String(Buffer.byteLength(body)) };
  return new Response(body, { status, headers: { ...ANSWER_HEADERS[format], ...length, ...headers } });
}
