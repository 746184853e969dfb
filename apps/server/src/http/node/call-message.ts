import { IncomingMessage } from 'node:http';

/** Is told of a body when all of it is there. */
type Receive = (body: Uint8Array) => void;

/**
 * A request of Node's whose body may be taken past its stream. A stream tells
 * of the bytes it is given by events, each a turn later, and that costs a
 * small call more than its own work.
 *
 * Node's parser gives a request its body by `push`, as any source gives it to
 * a stream: whole pieces of it, and then `null`.
 */
export class CallMessage extends IncomingMessage {
  #receive: Receive | undefined;
  #pieces: Uint8Array[] = [];
  /** So many bytes of the body are still to come. */
  #left = 0;

  /**
   * Takes the body, which is not in the stream then. To be called before any of
   * it has come, in the `request` event.
   *
   * @param length as announced. What sends more is cut off.
   * @param receive is never called where the connection breaks before the end.
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

  /** Node lets a request's stream run dry when it has been answered; nothing is in this one. */
  override resume(): this {
    return this.#receive === undefined ? super.resume() : this;
  }
}
