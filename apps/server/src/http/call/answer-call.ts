import type { Logger } from '@querator/core';
import { decodeBody, type WireFormat } from '@querator/protocol';
import type { CallContext, Route } from '../handlers/routes.ts';
import { type Answer, answer, refusal } from './answer.ts';

/** A call whose headers have been looked at, and whose body is there. */
export interface Call {
  readonly path: string;
  readonly body: Uint8Array;
  readonly requestFormat: WireFormat;
  readonly replyFormat: WireFormat;
  readonly context: CallContext;
}

/** Answers one call: decode, call, encode. Never rejects. */
export async function answerCall(
  { endpoint, handle }: Route,
  { path, body, requestFormat, replyFormat, context }: Call,
  logger: Logger,
): Promise<Answer> {
  let request: unknown;
  try {
    request = decodeBody(endpoint.request, requestFormat, body);
    const reply = answer(endpoint.response, await handle(request, context), replyFormat);
    return context.replyHeaders === undefined ? reply : { ...reply, headers: context.replyHeaders };
  } catch (error) {
    return refusal(error, replyFormat, { path, queue: queueOf(request) }, logger);
  }
}

function queueOf(request: unknown): string | undefined {
  const named = request as { readonly queueName?: unknown } | undefined;
  return typeof named?.queueName === 'string' ? named.queueName : undefined;
}
