import { IncomingMessage } from 'node:http';

/** Receives a body once it is complete. */
type Receive = (body: Uint8Array) => void;

/**
 * A request whose body can bypass Node's stream. A stream reports its bytes by
 * events in later turns of the event loop, which costs more than a small call.
 *
 * Node's parser calls `push` with each piece of the body, and then with `null`.
 */
export class CallMessage extends IncomingMessage {
  #receive: Receive | undefined;
  #pieces: Uint8Array[] = [];
  /** Bytes of the body that have not arrived yet. */
  #left = 0;
  /** Whether the client sends the body only after `100 Continue`, which it has not got yet. */
  expectsContinue = false;

  /**
   * Takes the body away from the stream. Call it in the `request` event, before
   * any piece of the body arrives.
   *
   * @param length as announced. A longer body destroys the request.
   * @param receive is not called if the connection breaks before the end of the body.
   */
  takeBody(length: number, receive: Receive): void {
    this.#left = length;
    this.#receive = receive;
  }

  override push(piece: Buffer | null, encoding?: BufferEncoding): boolean {
    const receive = this.#receive;
    if (receive === undefined) return super.push(piece, encoding);
    if (piece !== null) {
      this.#pieces.push(piece);
      this.#left -= piece.length;
      if (this.#left >= 0) return true;
      this.#pieces = [];
      this.#receive = () => {};
      this.destroy();
      return false;
    }
    const pieces = this.#pieces;
    this.#pieces = [];
    receive(pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces));
    return false;
  }

  /** Node drains the stream of an answered request. The stream of a taken body is empty. */
  override resume(): this {
    return this.#receive === undefined ? super.resume() : this;
  }
}
