/**
 * The server violated PostgreSQL's protocol, or sent more than we accept. The
 * connection cannot be used any more.
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** The length of a message includes its own four bytes. */
const LEAST_BYTES = 4;
/** Twice the largest import as text, and half of the longest string of JavaScript. */
const MOST_ROW_BYTES = 256 * 1024 * 1024;
/** Errors, notices, descriptions and the rest. The longest one that PostgreSQL sends quotes a statement. */
const MOST_OTHER_BYTES = 1024 * 1024;
/** All rows of a statement. Pages and leases are limited by their payloads long before that. */
const MOST_REPLY_BYTES = 512 * 1024 * 1024;
/** The memory of a row besides its bytes. */
const ROW_OVERHEAD_BYTES = 256;

const DATA_ROW = 'D'.charCodeAt(0);
const READY_FOR_QUERY = 'Z'.charCodeAt(0);

/**
 * The messages that a server may send to a client that neither copies nor replicates
 * (PostgreSQL's documentation, "Message Formats").
 */
const KINDS = new Set([...'RSKZEN123CDTtnsIA'].map((kind) => kind.charCodeAt(0)));

/** Checks received messages against the protocol and against the memory that we can spend on them. */
export class MessageLimits {
  #replyBytes = 0;

  /**
   * Checks a message before any of it is kept.
   *
   * @param kind its first byte.
   * @param length the length in the message, which does not count that byte.
   * @throws ProtocolError
   */
  check(kind: number, length: number): void {
    if (!KINDS.has(kind)) {
      throw new ProtocolError(`there is no message of kind 0x${kind.toString(16).padStart(2, '0')}`);
    }
    const isRow = kind === DATA_ROW;
    const most = isRow ? MOST_ROW_BYTES : MOST_OTHER_BYTES;
    if (length < LEAST_BYTES || length > most) {
      throw new ProtocolError(`a message of kind '${String.fromCharCode(kind)}' claims ${length} bytes`);
    }
    if (kind === READY_FOR_QUERY) this.#replyBytes = 0;
    if (!isRow) return;
    this.#replyBytes += length + ROW_OVERHEAD_BYTES;
    if (this.#replyBytes > MOST_REPLY_BYTES) {
      throw new ProtocolError(`the rows of a statement exceed ${MOST_REPLY_BYTES} bytes`);
    }
  }
}

/**
 * Checks that the fields of a row fill its message exactly.
 *
 * @param at the position of the number of fields.
 * @param end the end of the message.
 * @throws ProtocolError
 */
export function checkRow(bytes: Buffer, at: number, end: number): void {
  if (end - at < 2) throw new ProtocolError('a row has no number of fields');
  let next = at + 2;
  for (let fields = bytes.readUInt16BE(at); fields > 0; fields--) {
    if (end - next < 4) throw new ProtocolError('a row ends before its fields do');
    // A null field has the length -1, and no bytes.
    const length = bytes.readInt32BE(next);
    if (length < -1) throw new ProtocolError(`a field claims ${length} bytes`);
    next += 4 + Math.max(length, 0);
    if (next > end) throw new ProtocolError('a field ends after its row');
  }
  if (next !== end) throw new ProtocolError('a row continues after its fields');
}
