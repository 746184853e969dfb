/**
 * A call without a reply from a Querator server: the base class of the client's
 * own errors. If the server refused the request, the error is a `ReplyError`.
 */
export abstract class ClientError extends Error {
  /** The URL of the call, without credentials. */
  readonly url: string;
  /** Whether the request may have taken effect. */
  abstract readonly outcome: 'not-applied' | 'unknown';

  constructor(message: string, url: string, cause?: unknown) {
    super(`Client Error: ${message}`, cause === undefined ? undefined : { cause });
    this.url = url;
  }
}
