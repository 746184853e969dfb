import { errorText, type Verbatim, verbatim } from '../text/error-text.ts';
import { QueueError } from './queue-error.ts';

/**
 * An error whose text names a queue that the request does not name. A caller who
 * may not list that queue must not learn its name.
 */
export class OtherQueueError extends QueueError {
  /** The queue that the text names. */
  readonly otherQueue: string;
  readonly #text: (other: Verbatim) => string;

  /** @param text makes the text from the quoted name. */
  constructor(otherQueue: string, text: (other: Verbatim) => string) {
    super('invalid', text(verbatim(errorText`'${otherQueue}'`)));
    this.otherQueue = otherQueue;
    this.#text = text;
  }

  /** The same error without the name. */
  withoutName(): QueueError {
    return new QueueError('invalid', this.#text(verbatim('another queue')));
  }
}
