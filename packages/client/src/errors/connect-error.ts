import { ClientError } from './client-error.ts';

/** The connection failed before the request was sent. The request had no effect. */
export class ConnectError extends ClientError {
  override readonly name = 'ConnectError';
  override readonly outcome = 'not-applied';

  constructor(url: string, reason: string, cause?: unknown) {
    super(`during POST ${url}: could not connect: ${reason}`, url, cause);
  }
}
