import type { TransportReply } from '../transport.ts';
import { announcedBody } from './announced-body.ts';
import type { ReplyBody } from './reply-body.ts';
import { parseReplyHead, type ReplyHead } from './reply-head.ts';
import { ReplySyntaxError } from './reply-syntax-error.ts';

/** A whole reply, and what it says about its connection. */
export interface ParsedReply {
  readonly reply: TransportReply;
  /** Whether another request may be sent. */
  readonly isReusable: boolean;
  /** For how many seconds the server keeps an idle connection open. Undefined: it does not tell. */
  readonly idleSeconds: number | undefined;
}

/** As Node's own limit. */
const LONGEST_HEAD = 16_384;
const HEAD_END = '\r\n\r\n';
const KEEP_ALIVE_TIMEOUT = /(?:^|[,;\s])timeout=(\d{1,9})/i;

/** Parses the replies of a connection, one after the other, from the bytes as they arrive. */
export class ReplyParser {
  /** The beginning of a head that has not arrived as a whole. */
  #start: Buffer | undefined;
  #head: ReplyHead | undefined;
  #body: ReplyBody | undefined;

  /**
   * Takes bytes that have arrived.
   *
   * @returns the reply, once all of it has arrived.
   * @throws ReplySyntaxError if they are not from a reply. The connection is of no more use then.
   */
  take(bytes: Buffer): ParsedReply | undefined {
    let at = 0;
    while (this.#head === undefined || this.#body === undefined) {
      const piece = at === 0 ? bytes : bytes.subarray(at);
      const taken = this.#takeHead(piece);
      if (taken === undefined) return undefined;
      at += taken;
    }
    const left = at === 0 ? bytes : bytes.subarray(at);
    const taken = this.#body.take(left);
    return this.#body.isComplete ? this.#ended(this.#head, this.#body, taken === left.length) : undefined;
  }

  /** The connection has ended. @returns the reply, if it was to end there. */
  end(): ParsedReply | undefined {
    if (this.#head === undefined || !this.#body?.endsWithConnection) return undefined;
    return this.#ended(this.#head, this.#body, false);
  }

  /** @returns how many bytes belong to a head that has ended, which may be that of an interim reply. */
  #takeHead(bytes: Buffer): number | undefined {
    const before = this.#start?.length ?? 0;
    const all = this.#start === undefined ? bytes : Buffer.concat([this.#start, bytes]);
    const end = all.indexOf(HEAD_END, 0, 'latin1');
    if ((end < 0 ? all.length : end) > LONGEST_HEAD) throw new ReplySyntaxError('its headers are too long');
    if (end < 0) {
      this.#start = all;
      return undefined;
    }
    this.#start = undefined;
    const head = parseReplyHead(all.toString('latin1', 0, end));
    if (head.status === 101) throw new ReplySyntaxError('it changes the protocol');
    if (head.status >= 200) {
      this.#head = head;
      this.#body = announcedBody(head);
    }
    return end + HEAD_END.length - before;
  }

  #ended({ status, headers, keepsOpen }: ReplyHead, body: ReplyBody, isAll: boolean): ParsedReply {
    this.#head = undefined;
    this.#body = undefined;
    const [, seconds] = KEEP_ALIVE_TIMEOUT.exec(headers.get('keep-alive') ?? '') ?? [];
    return {
      reply: {
        status,
        contentType: headers.get('content-type') ?? '',
        body: body.content(),
        header: (name) => headers.get(name.toLowerCase()),
      },
      // Bytes after the reply belong to no request. Nothing on this connection can be trusted then.
      isReusable: keepsOpen && isAll && !body.endsWithConnection,
      idleSeconds: seconds === undefined ? undefined : Number(seconds),
    };
  }
}
