/**
 * A call that got no answer from a Querator server: the base of all failures
 * that arise on this side. What the server itself refused is a `ReplyError`.
 */
export abstract class ClientError extends Error {
  /** The URL that was called. Holds no credentials. */
  readonly url: string;
  /** Whether the request may have taken effect. */
  abstract readonly outcome: 'not-applied' | 'unknown';

  constructor(message: string, url: string, cause?: unknown) {
    super(`Client Error: ${message}`, cause === undefined ? undefined : { cause });
    this.url = url;
  }
}
