/** The server's bytes are not an HTTP/1 reply. Nothing after them on the connection can be understood. */
export class ReplySyntaxError extends Error {
  override readonly name = 'ReplySyntaxError';

  constructor(fault: string) {
    super(`the reply is not HTTP: ${fault}`);
  }
}
