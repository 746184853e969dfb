/** A parameter of a statement: null, text, or bytes in the binary format of its type. */
export type Parameter = null | string | number | Buffer;

const BIND = 'B'.charCodeAt(0);
const BINARY = 1;
const TEXT = 0;
const NULL_LENGTH = -1;

/** Execute all rows, and Sync. They are the same for every statement. */
const EXECUTE_AND_SYNC = Buffer.from([
  ...['E'.charCodeAt(0), 0, 0, 0, 9, 0, 0, 0, 0, 0],
  ...['S'.charCodeAt(0), 0, 0, 0, 4],
]);

/** Whether all values can be parameters of {@link bindMessage}. */
export function areParameters(values: readonly unknown[]): values is readonly Parameter[] {
  return values.every(
    (value) =>
      value === null || typeof value === 'string' || typeof value === 'number' || Buffer.isBuffer(value),
  );
}

/**
 * Executes a prepared statement with these parameters and returns its rows in the
 * binary format. Sends Bind, Execute and Sync (PostgreSQL's documentation, "Message
 * Formats").
 *
 * @param statement its name, in ASCII.
 */
export function bindMessage(statement: string, parameters: readonly Parameter[]): Buffer {
  const texts: (string | undefined)[] = [];
  const lengths: number[] = [];
  let size = 1 + 4 + 1 + (statement.length + 1) + 2 + 2 * parameters.length + 2 + 2 + 2;
  for (const parameter of parameters) {
    const text = typeof parameter === 'number' ? String(parameter) : parameter;
    const length = text === null ? NULL_LENGTH : Buffer.byteLength(text);
    texts.push(typeof text === 'string' ? text : undefined);
    lengths.push(length);
    size += 4 + Math.max(length, 0);
  }
  const bytes = Buffer.allocUnsafe(size + EXECUTE_AND_SYNC.length);
  let at = bytes.writeUInt8(BIND, 0);
  at = bytes.writeInt32BE(size - 1, at);
  // The unnamed portal.
  at = bytes.writeUInt8(0, at);
  at += bytes.write(statement, at, 'latin1');
  at = bytes.writeUInt8(0, at);
  at = bytes.writeInt16BE(parameters.length, at);
  for (const parameter of parameters) {
    at = bytes.writeInt16BE(Buffer.isBuffer(parameter) ? BINARY : TEXT, at);
  }
  at = bytes.writeInt16BE(parameters.length, at);
  parameters.forEach((parameter, n) => {
    at = bytes.writeInt32BE(lengths[n] as number, at);
    const text = texts[n];
    if (text !== undefined) {
      at += bytes.write(text, at);
    } else if (Buffer.isBuffer(parameter)) {
      bytes.set(parameter, at);
      at += parameter.length;
    }
  });
  at = bytes.writeInt16BE(1, at);
  at = bytes.writeInt16BE(BINARY, at);
  bytes.set(EXECUTE_AND_SYNC, at);
  return bytes;
}
