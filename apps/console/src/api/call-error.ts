/**
 * Why a call failed, as far as the page acts on it:
 *
 * - `signed-out`: there is no session, or it or its API key has ended.
 * - `forbidden`: the key lacks a permission, or the session is read-only.
 * - `unreachable`: no reply. Nobody knows whether the server received the request.
 * - `unavailable`: the server cannot serve it now, such as while its storage is down.
 * - `off`: the server does not do this: its configuration switches it off, a driver lacks it, or its version does.
 * - `refused`: the request is wrong, or contradicts what is stored.
 */
export type FailureKind = 'signed-out' | 'forbidden' | 'unreachable' | 'unavailable' | 'off' | 'refused';

/** The fields of an error reply of the API. */
export interface ErrorReply {
  readonly code?: number;
  readonly message?: string;
  readonly details?: Readonly<Record<string, string>>;
}

/** A call of the API that failed. Its message is that of the server, for people. */
export class CallError extends Error {
  readonly kind: FailureKind;
  /** The HTTP status. 0: there was no reply. */
  readonly status: number;
  /** The reason as one of the documented words, such as `no_such_queue`. */
  readonly reason: string | undefined;

  constructor(
    kind: FailureKind,
    message: string,
    { status = 0, reason }: { status?: number; reason?: string } = {},
  ) {
    super(message);
    this.name = 'CallError';
    this.kind = kind;
    this.status = status;
    this.reason = reason;
  }

  /** Whether the same request may succeed later. */
  get passes(): boolean {
    return this.kind === 'unreachable' || this.kind === 'unavailable';
  }
}

const UNAVAILABLE = new Set([429, 454, 500]);
/** A server replies so for good, but also while it stops, which it says. */
const FAILED = 453;
/** An earlier server has no such call. */
const NO_SUCH_CALL = 404;
/** Replies of a proxy whose server does not answer. */
const FROM_PROXY = new Set([502, 503, 504]);

/** The error of a reply without success. */
export function errorOfReply(status: number, reply: ErrorReply): CallError {
  const reason = reply.details?.['code'];
  const options = { status, ...(reason === undefined ? {} : { reason }) };
  const message = reply.message || `The server replied with the status ${status}.`;
  return new CallError(kindOf(status, message), message, options);
}

function kindOf(status: number, message: string): FailureKind {
  if (status === 401) return 'signed-out';
  if (status === 403) return 'forbidden';
  if (FROM_PROXY.has(status)) return 'unreachable';
  if (status === FAILED) return message.endsWith('is shutting down') ? 'unavailable' : 'off';
  if (status === NO_SUCH_CALL) return 'off';
  return UNAVAILABLE.has(status) ? 'unavailable' : 'refused';
}
