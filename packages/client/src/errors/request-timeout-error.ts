import { ClientError } from './client-error.ts';

/**
 * No reply within the client's own limit, which is longer than the request's
 * timeout: the server or the network hangs. The request may have taken effect.
 */
export class RequestTimeoutError extends ClientError {
  override readonly name = 'RequestTimeoutError';
  override readonly outcome = 'unknown';

  constructor(url: string, timeoutMs: number) {
    super(`during POST ${url}: no reply within ${timeoutMs} ms`, url);
  }
}
