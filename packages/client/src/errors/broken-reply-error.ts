import { ClientError } from './client-error.ts';

/** The server reported success in an unreadable reply. The request most likely took effect. */
export class BrokenReplyError extends ClientError {
  override readonly name = 'BrokenReplyError';
  override readonly outcome = 'unknown';

  constructor(url: string, reason: string, cause?: unknown) {
    super(`during POST ${url}: while parsing response body: ${reason}`, url, cause);
  }
}
