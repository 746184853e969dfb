/** What a server sent is not PostgreSQL's protocol, or more than we take. The connection is of no more use. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** A length counts itself. */
const LEAST_BYTES = 4;
/** Twice what an import may hold, as text; half of what JavaScript can hold as one. */
const MOST_ROW_BYTES = 256 * 1024 * 1024;
/** Errors, notices, descriptions and the rest. The longest that PostgreSQL sends here quotes a statement. */
const MOST_OTHER_BYTES = 1024 * 1024;
/** All rows of a statement. Pages and leases end long before, by their payloads. */
const MOST_REPLY_BYTES = 512 * 1024 * 1024;
/** What a row takes in memory beside its bytes. */
const ROW_OVERHEAD_BYTES = 256;

const DATA_ROW = 'D'.charCodeAt(0);
const READY_FOR_QUERY = 'Z'.charCodeAt(0);

/**
 * The messages that a server may send to a client that neither copies nor
 * replicates (PostgreSQL's documentation, "Message Formats").
 */
const KINDS = new Set([...'RSKZEN123CDTtnsIA'].map((kind) => kind.charCodeAt(0)));

/** Holds what a server sends against the protocol, and against what we can keep in memory. */
export class MessageLimits {
  #replyBytes = 0;

  /**
   * Checks a message before anything of it is kept.
   *
   * @param kind its first byte.
   * @param length as the message gives it, without that byte.
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
 * Checks that the fields of a row fill its message.
 *
 * @param at where the number of fields stands.
 * @param end behind the message.
 * @throws ProtocolError
 */
export function checkRow(bytes: Buffer, at: number, end: number): void {
  if (end - at < 2) throw new ProtocolError('a row has no number of fields');
  let next = at + 2;
  for (let fields = bytes.readUInt16BE(at); fields > 0; fields--) {
    if (end - next < 4) throw new ProtocolError('a row ends before its fields do');
    // A field that is null has the length -1, and no bytes.
    const length = bytes.readInt32BE(next);
    if (length < -1) throw new ProtocolError(`a field claims ${length} bytes`);
    next += 4 + Math.max(length, 0);
    if (next > end) throw new ProtocolError('a field reaches beyond its row');
  }
  if (next !== end) throw new ProtocolError('a row goes on behind its fields');
}
