import { ClientError } from './client-error.ts';

/**
 * The reply is not from a Querator server. For example, a proxy replied, or another
 * server on that port. Whether the request reached a Querator server is unknown.
 */
export class InfrastructureError extends ClientError {
  override readonly name = 'InfrastructureError';
  override readonly outcome = 'unknown';
  /** The HTTP status of the answer. */
  readonly status: number;

  constructor(url: string, status: number, reason: string, cause?: unknown) {
    super(`during POST ${url}: infrastructure error: HTTP status ${status}, ${reason}`, url, cause);
    this.status = status;
  }
}
