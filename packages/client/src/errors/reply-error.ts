import { QueueError } from '@querator/core';
import { errorFromReply, type Reply } from '@querator/protocol';

/**
 * The server refused the request. `code` says why and is stable, `message` is
 * the server's text.
 */
export class ReplyError extends QueueError {
  /** The URL that was called. Holds no credentials. */
  readonly url: string;
  /** The number of the reply, which is its HTTP status as well: 400, 454 and so on. */
  readonly status: number;
  /** The fixed text of that number, such as `Retry Request`. */
  readonly codeText: string;

  constructor(url: string, reply: Reply) {
    const { code, message } = errorFromReply(reply);
    super(code, message);
    this.url = url;
    this.status = reply.code;
    this.codeText = reply.codeText;
  }
}
