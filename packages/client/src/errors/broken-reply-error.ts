import { ClientError } from './client-error.ts';

/** The server reported success, but its reply could not be read: the request has most likely taken effect. */
export class BrokenReplyError extends ClientError {
  override readonly name = 'BrokenReplyError';
  override readonly outcome = 'unknown';

  constructor(url: string, reason: string, cause?: unknown) {
    super(`during POST ${url}: while parsing response body: ${reason}`, url, cause);
  }
}
