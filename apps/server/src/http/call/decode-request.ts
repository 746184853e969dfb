import { bodyTooLarge, decodeBody, LARGE_BODY, negotiateRequest } from '@querator/protocol';
import type { AdmittedCall } from './admitted-call.ts';
import type { CallContext } from './call-context.ts';
import { nextTurn } from './next-turn.ts';

/** Decodes a body: into a message, a promise of a message, or the error of a faulty body. */
export function decoded(call: AdmittedCall, body: Uint8Array, context: CallContext): unknown {
  const { endpoint, elementLimit } = call.route;
  call.receivedBytes = body.length;
  try {
    if (body.length > endpoint.bodyLimit) throw bodyTooLarge(endpoint.bodyLimit);
    const format = negotiateRequest(call.headers.contentType);
    const rule = elementLimit === undefined ? undefined : { limit: elementLimit, report: context };
    if (body.length <= LARGE_BODY) return decodeBody(endpoint.request, format, body, rule);
    return endpoint.request.decodeLarge(format, body, nextTurn, rule).then(inNextTurn);
  } catch (error) {
    return error;
  }
}

/** The handler of a large request begins in a turn of its own. */
async function inNextTurn(message: unknown): Promise<unknown> {
  await nextTurn();
  return message;
}
