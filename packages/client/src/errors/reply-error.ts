import { QueueError } from '@querator/core';
import { errorFromReply, type Reply } from '@querator/protocol';

/**
 * The server refused the request. `code` says why and is stable, `message` is
 * the server's text.
 */
export class ReplyError extends QueueError {
  /** The URL of the call, without credentials. */
  readonly url: string;
  /** The reply's code, which is also its HTTP status: 400, 454 and so on. */
  readonly status: number;
  /** The fixed text of that code, such as `Retry Request`. */
  readonly codeText: string;

  constructor(url: string, reply: Reply) {
    const { code, message, reason, retryAfterMs, missing } = errorFromReply(reply);
    super(code, message, { reason, retryAfterMs, missing });
    this.url = url;
    this.status = reply.code;
    this.codeText = reply.codeText;
  }
}
