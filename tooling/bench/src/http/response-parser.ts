/** The parts of a reply that the bench needs. */
export interface HttpReply {
  readonly status: number;
  /** The body's bytes. The receiver may keep them. */
  readonly body: Buffer;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = /\r\ncontent-length: *(\d+)/i;
const NOTHING = Buffer.alloc(0);

/**
 * Assembles replies from the chunks of a socket. It knows replies with a Content-
 * Length, which all measured servers send; anything else is an error, never a
 * wrong count.
 */
export class ResponseParser {
  #head: Buffer = NOTHING;
  #status = 0;
  #body: Buffer | undefined;
  #filled = 0;

  /**
   * Takes a chunk, which may be reused afterwards.
   *
   * @returns the reply when it is complete. Nothing can follow it, since one request
   *   is in flight.
   * @throws Error when this is no such reply.
   */
  push(chunk: Buffer): HttpReply | undefined {
    const start = this.#body === undefined ? this.#readHead(chunk) : 0;
    if (start < 0 || this.#body === undefined) return undefined;
    const body = this.#body;
    const arrived = chunk.length - start;
    if (this.#filled + arrived > body.length) throw new Error('more bytes than the reply says it has');
    chunk.copy(body, this.#filled, start);
    this.#filled += arrived;
    if (this.#filled < body.length) return undefined;
    this.#body = undefined;
    return { status: this.#status, body };
  }

  /** @returns the offset of the body in the chunk; negative while the head is incomplete. */
  #readHead(chunk: Buffer): number {
    const before = this.#head.length;
    const data = before === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    const end = data.indexOf(HEAD_END);
    if (end < 0) {
      this.#head = before === 0 ? Buffer.from(chunk) : data;
      return -1;
    }
    this.#head = NOTHING;
    const head = data.toString('latin1', 0, end);
    const length = LENGTH.exec(head)?.[1];
    if (!head.startsWith('HTTP/1.1 ') || length === undefined) {
      throw new Error(`not a reply with a length: ${JSON.stringify(head.slice(0, 300))}`);
    }
    this.#status = Number(head.slice(9, 12));
    this.#body = Buffer.allocUnsafe(Number(length));
    this.#filled = 0;
    return end + HEAD_END.length - before;
  }
}
