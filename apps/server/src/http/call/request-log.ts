import { ANONYMOUS, type Caller, type Logger } from '@querator/core';
import type { MonotonicClock } from '../../monotonic-clock.ts';
import { boundedFields } from '../../observability/bounded-fields.ts';
import type { Answer } from './answer.ts';
import type { CallHeaders } from './call-headers.ts';

/** A request that was answered. */
export interface AnsweredRequest {
  /** Undefined: the request failed before its method counted. */
  readonly method: string | undefined;
  readonly path: string;
  readonly headers: CallHeaders;
  /** When the request began, in milliseconds on the monotonic clock. */
  readonly startedMs: number;
  /** Who made the call. Undefined: it failed before that was known. */
  readonly caller?: Caller | undefined;
  /** The queue that the request names. Undefined: it names none, or was not read. */
  readonly queue?: string | undefined;
  /** Bytes of the body that were received. */
  readonly bytes?: number;
  /** Whether the client disconnected before the answer. */
  readonly isGone?: boolean;
}

/** Logs each call with one line. */
export class RequestLog {
  readonly #logger: Logger;
  readonly #monotonicClock: MonotonicClock;

  /** @param logger writes every line, however many there are. */
  constructor(logger: Logger, monotonicClock: MonotonicClock) {
    this.#logger = logger;
    this.#monotonicClock = monotonicClock;
  }

  write(
    { method, path, headers, startedMs, caller, queue, bytes = 0, isGone }: AnsweredRequest,
    answer: Answer,
  ): void {
    this.#logger.info(
      'request',
      boundedFields({
        method,
        path,
        status: answer.status,
        ms: Math.round((this.#monotonicClock() - startedMs) * 1_000) / 1_000,
        bytes,
        replyBytes: Buffer.byteLength(answer.body),
        ...(queue === undefined ? {} : { queue }),
        peer: headers.address,
        requestId: headers.requestId,
        ...userFields(caller),
        ...headers.trace?.logFields,
        ...(isGone === true ? { gone: true } : {}),
      }),
    );
  }
}

function userFields(caller: Caller | undefined) {
  if (caller === undefined || caller.principal.userId === ANONYMOUS) return {};
  const { username: user, keyId } = caller.principal;
  return { user, ...(keyId === undefined ? {} : { keyId }) };
}
