import { ClientError } from './client-error.ts';

/**
 * Something answered that is no Querator server, such as a proxy, or a server
 * on the wrong port. Whether the request reached a server behind it is unknown.
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
