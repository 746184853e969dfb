import { ClientError } from './client-error.ts';

/** There was no connection to send the request over: nothing has happened. */
export class ConnectError extends ClientError {
  override readonly name = 'ConnectError';
  override readonly outcome = 'not-applied';

  constructor(url: string, reason: string, cause?: unknown) {
    super(`during POST ${url}: could not connect: ${reason}`, url, cause);
  }
}
