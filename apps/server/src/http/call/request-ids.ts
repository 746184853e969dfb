import type { Random } from '@querator/core';
import type { CallHeaders } from './call-headers.ts';

/** The header with the id of a request, in both directions. */
export const REQUEST_ID_HEADER = 'X-Request-Id';

/** Ids that are safe in a log line and in a header. */
const SAFE_ID = /^[A-Za-z0-9._~:/+=@-]{1,128}$/;
/** About 119 bits. */
const NEW_ID_LENGTH = 20;

/**
 * The ids by which log lines name their request. A client may choose the id; a
 * proxy in front of the server usually does.
 */
export class RequestIds {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Puts a new id in place of one that is not safe, such as one with blanks or of 129 characters. */
  replaceUnsafe(headers: CallHeaders): void {
    if (headers.requestId !== undefined && !SAFE_ID.test(headers.requestId)) this.#renew(headers);
  }

  /** Gives a request an id if it has none. */
  ensure(headers: CallHeaders): void {
    if (headers.requestId === undefined) this.#renew(headers);
  }

  #renew(headers: CallHeaders): void {
    headers.requestId = this.#random.base62(NEW_ID_LENGTH);
  }
}
