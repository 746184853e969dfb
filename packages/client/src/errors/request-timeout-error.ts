import { ClientError } from './client-error.ts';

/**
 * No reply within this side's own limit, which is longer than what the server
 * was given: it hangs, or the network does. The request may have taken effect.
 */
export class RequestTimeoutError extends ClientError {
  override readonly name = 'RequestTimeoutError';
  override readonly outcome = 'unknown';

  constructor(url: string, timeoutMs: number) {
    super(`during POST ${url}: no reply within ${timeoutMs} ms`, url);
  }
}
