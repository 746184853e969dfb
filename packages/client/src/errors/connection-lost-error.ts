import { ClientError } from './client-error.ts';

/** The connection broke before the reply was complete. The request may have taken effect. */
export class ConnectionLostError extends ClientError {
  override readonly name = 'ConnectionLostError';
  override readonly outcome = 'unknown';

  constructor(url: string, reason: string, cause?: unknown) {
    super(`during POST ${url}: connection lost: ${reason}`, url, cause);
  }
}
