import { ANONYMOUS, type Caller, type LogFields, type Logger } from '@querator/core';
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
  /** Whether it waited for items: then it may take as long as it likes. */
  readonly waits?: boolean;
  /** Whether the client disconnected before the answer. */
  readonly isGone?: boolean;
}

/** Calls that take long. */
export interface SlowCalls {
  /** Writes them. It may leave lines out: a storage that is slow makes every call slow. */
  readonly logger: Logger;
  /** A call that takes longer is slow. */
  readonly thresholdMs: number;
}

/** Logs each call with one line, or only those that take long. */
export class RequestLog {
  readonly #every: Logger | undefined;
  readonly #slow: SlowCalls | undefined;
  readonly #monotonicClock: MonotonicClock;

  /**
   * @param logs.every writes every line, however many there are. Undefined: calls have none.
   * @param logs.slow undefined: no call counts as slow.
   */
  constructor(
    { every, slow }: { readonly every: Logger | undefined; readonly slow: SlowCalls | undefined },
    monotonicClock: MonotonicClock,
  ) {
    this.#every = every;
    this.#slow = slow;
    this.#monotonicClock = monotonicClock;
  }

  /** Whether every call has a line, and so an id. */
  get isComplete(): boolean {
    return this.#every !== undefined;
  }

  write(request: AnsweredRequest, answer: Answer): void {
    const ms = this.#monotonicClock() - request.startedMs;
    const slow = this.#slow;
    const isSlow = slow !== undefined && ms > slow.thresholdMs && request.waits !== true;
    if (!isSlow && this.#every === undefined) return;
    const fields = fieldsOf(request, answer, ms);
    if (isSlow) slow.logger.warn('slow call', fields);
    this.#every?.info('request', fields);
  }
}

function fieldsOf(
  { method, path, headers, caller, queue, bytes = 0, isGone }: AnsweredRequest,
  answer: Answer,
  ms: number,
): LogFields {
  const { requestId } = headers;
  return boundedFields({
    method,
    path,
    status: answer.status,
    ms: Math.round(ms * 1_000) / 1_000,
    bytes,
    replyBytes: Buffer.byteLength(answer.body),
    ...(queue === undefined ? {} : { queue }),
    peer: headers.address,
    ...(requestId === undefined ? {} : { requestId }),
    ...userFields(caller),
    ...headers.trace?.logFields,
    ...(isGone === true ? { gone: true } : {}),
  });
}

function userFields(caller: Caller | undefined) {
  if (caller === undefined || caller.principal.userId === ANONYMOUS) return {};
  const { username: user, keyId } = caller.principal;
  return { user, ...(keyId === undefined ? {} : { keyId }) };
}
