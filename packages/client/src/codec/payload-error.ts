/** A payload that its codec cannot read, or a value that its schema refuses. */
export class PayloadError extends Error {
  override readonly name = 'PayloadError';
}
