import { QuotaError } from '@querator/access';
import { type Logger, QueueError, StorageError, storageFailed } from '@querator/core';
import { CallerGone } from '@querator/engine';
import { codecs, errorReply, type Reply, type WireFormat } from '@querator/protocol';
import { type Answer, answer } from './answer.ts';

/** The log fields of a failed request, besides its error. They never hold its content. */
export interface RequestFields {
  readonly path: string;
  /** The queue that the request names, if it names one. */
  readonly queue?: string | undefined;
  readonly requestId?: string | undefined;
}

/**
 * The answer to a failed request. The log gets what the client does not see:
 * internal errors and errors of the storage, each with its cause.
 */
export function refusal(error: unknown, format: WireFormat, request: RequestFields, logger: Logger): Answer {
  const refused = asRefused(error);
  const reply = errorReply(refused);
  const storageFault = storageFaultOf(refused);
  if (storageFault !== undefined) logger.warn('storage refused a request', { ...request, err: storageFault });
  else if (isInternal(refused)) logger.error('request failed', { ...request, err: refused });
  const answered = answer(codecs.Reply, reply, format, reply.code);
  const headers = refusalHeaders(refused);
  return headers === undefined ? answered : { ...answered, headers };
}

function refusalHeaders(refused: unknown): Record<string, string> | undefined {
  if (!(refused instanceof QueueError) || refused.retryAfterMs === undefined) return undefined;
  const retry = { 'Retry-After': String(Math.ceil(refused.retryAfterMs / 1_000)) };
  return refused instanceof QuotaError && refused.closesConnection
    ? { ...retry, Connection: 'close' }
    : retry;
}

/** Whether `refusal` logs this error. */
export function isLogged(error: unknown): boolean {
  return error instanceof StorageError || storageFaultOf(error) !== undefined || isInternal(error);
}

/** The reply to a failed request, as the client sees it. */
export function refusalReply(error: unknown): Reply {
  return errorReply(asRefused(error));
}

function asRefused(error: unknown): unknown {
  return error instanceof StorageError ? asRetry(error) : error;
}

/** A storage that fails now may serve a retry, so this is no internal error. */
function asRetry(error: StorageError): QueueError {
  return storageFailed(error);
}

/** The storage error that caused an error, if there is one. */
function storageFaultOf(error: unknown): StorageError | undefined {
  return error instanceof QueueError && error.cause instanceof StorageError ? error.cause : undefined;
}

/** Neither an error that the client sees in words nor a client that disconnected is an internal error. */
function isInternal(error: unknown): boolean {
  if (error instanceof QueueError) return error.code === 'internal';
  return !(error instanceof CallerGone);
}
