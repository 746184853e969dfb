import type { ServerResponse } from 'node:http';
import type { Answer } from '../call/answer.ts';
import type { CallHeaders } from '../call/call-headers.ts';
import { discardBody } from '../call/discard-body.ts';
import type { CallMessage } from './call-message.ts';
import { sendAnswer } from './send-answer.ts';

/** A client that sends nothing for so long after its refusal is cut off. */
export const LINGER_MS = 5_000;

/**
 * Refuses a request by its headers, before its body is read. A connection that
 * the reply has to close stays open until the body has come, so that a client
 * that is still sending reads the reply.
 */
export function refuseRequest(
  incoming: CallMessage,
  outgoing: ServerResponse,
  answer: Answer,
  headers: CallHeaders,
): void {
  if (!hasBody(headers)) {
    sendAnswer(outgoing, answer);
    return;
  }
  // A client that waits for 100 Continue may send no body now, and its next request would be taken for one.
  const closes =
    incoming.expectsContinue || !outgoing.shouldKeepAlive || answer.headers?.['Connection'] === 'close';
  if (!closes) {
    discardBody(incoming);
    sendAnswer(outgoing, answer);
    return;
  }
  outgoing.shouldKeepAlive = false;
  sendAnswer(outgoing, answer, { end: false });
  incoming.socket.setTimeout(LINGER_MS);
  discardBody(incoming, () => outgoing.end());
}

function hasBody({ contentLength, transferEncoding }: CallHeaders): boolean {
  return transferEncoding !== undefined || (contentLength !== undefined && contentLength !== '0');
}
