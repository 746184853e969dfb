import {
  type ErrorCode,
  type ErrorReason,
  errorText,
  QueueError,
  type QuotaLimit,
  type QuotaSubject,
  verbatim,
} from '@querator/core';

/** A call is refused because of a quota. */
export class QuotaError extends QueueError {
  /** The limit that the call would exceed. */
  readonly limit: QuotaLimit;
  /**
   * How long the answer is held back, in milliseconds. A client that ignores the
   * answers must not keep the server busy with them.
   */
  holdMs = 0;

  constructor(
    code: Extract<ErrorCode, 'limited' | 'retry'>,
    message: string,
    { limit, retryAfterMs }: { readonly limit: QuotaLimit; readonly retryAfterMs?: number | undefined },
  ) {
    super(code, message, { reason: 'over_limit' satisfies ErrorReason, retryAfterMs });
    this.limit = limit;
  }

  /** Whether the connection of the call has to be closed. */
  get closesConnection(): boolean {
    return this.limit === 'connections';
  }
}

/** Where a limit comes from, and its number. */
export interface ExceededLimit {
  readonly subject: QuotaSubject;
  /** The limit of all processes together. */
  readonly most: number;
}

/** How long a client should wait before it tries again where no time is known, in milliseconds. */
const SOME_TIME_MS = 1_000;

/** The limits of what a caller does at a time or in a second. */
type CallLimit = Extract<
  QuotaLimit,
  'requestsPerSecond' | 'itemsPerSecond' | 'waitingConsumers' | 'connections'
>;

/** The limits of what a namespace holds. */
type StockLimit = Exclude<QuotaLimit, CallLimit>;

const CALL_WORDS: Readonly<
  Record<CallLimit, { readonly many: string; readonly may: (most: number) => string }>
> = {
  requestsPerSecond: { many: 'requests', may: (most) => `make ${most} requests a second` },
  itemsPerSecond: { many: 'items', may: (most) => `produce ${most} items a second` },
  waitingConsumers: { many: 'consumers', may: (most) => `have ${most} waiting consumers` },
  connections: { many: 'connections', may: (most) => `have ${most} connections` },
};

const STOCK_WORDS: Readonly<Record<StockLimit, string>> = {
  queues: 'queues',
  partitions: 'partitions',
  itemsWaiting: 'items',
  bytesWaiting: 'bytes of items',
};

/** The caller does too much at a time or in a second. */
export function tooMany(
  limit: CallLimit,
  { subject, most }: ExceededLimit,
  retryAfterMs: number = SOME_TIME_MS,
): QuotaError {
  const { many, may } = CALL_WORDS[limit];
  const text = errorText`too many ${verbatim(many)}; ${whoOf(subject)} may ${verbatim(may(most))}, try again later`;
  return new QuotaError('limited', text, { limit, retryAfterMs });
}

/** The request brings more items than a second may. It has to be split. */
export function tooManyAtOnce({ subject, most }: ExceededLimit, items: number): QuotaError {
  const text = errorText`too many items; ${whoOf(subject)} may produce ${most} items a second but the request has ${items}, send fewer at a time`;
  const retryAfterMs = Math.ceil((items / most) * 1_000);
  return new QuotaError('limited', text, { limit: 'itemsPerSecond', retryAfterMs });
}

/** The namespace holds as much as it may. @param held what it holds, as far as this process knows. */
export function overStock(
  limit: StockLimit,
  { subject, most }: ExceededLimit,
  { namespace, held }: { readonly namespace: string; readonly held: number },
): QuotaError {
  const who =
    subject.kind === 'namespace'
      ? whoOf(subject)
      : verbatim(errorText`with this api key, namespace '${namespace}'`);
  const what = verbatim(STOCK_WORDS[limit]);
  const text = errorText`quota exceeded; ${who} may hold ${most} ${what} and holds ${held}, try again later`;
  return new QuotaError('retry', text, { limit });
}

function whoOf({ kind, name }: QuotaSubject) {
  return verbatim(kind === 'namespace' ? errorText`namespace '${name}'` : 'this api key');
}
