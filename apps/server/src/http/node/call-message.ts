import { IncomingMessage } from 'node:http';

/** Receives a body in pieces. */
export interface BodyReceiver {
  /** A piece of the body. Not called after the end, or once the message is destroyed. */
  piece(bytes: Uint8Array): void;
  /** The body is complete. Not called if the connection breaks before. */
  complete(): void;
}

/**
 * A request whose body can bypass Node's stream. A stream reports its bytes by
 * events in later turns of the event loop, which costs more than a small call.
 *
 * Node's parser calls `push` with each piece of the body, and then with `null`.
 */
export class CallMessage extends IncomingMessage {
  #receiver: BodyReceiver | undefined;
  /** Bytes of the body that have not arrived yet. */
  #left = 0;
  /** Whether the client sends the body only after `100 Continue`, which it has not got yet. */
  expectsContinue = false;

  /**
   * Takes the body away from the stream. Call it in the `request` event, before
   * any piece of the body arrives.
   *
   * @param length as announced. A longer body destroys the request. Undefined: not announced.
   */
  takeBody(length: number | undefined, receiver: BodyReceiver): void {
    this.#left = length ?? Number.POSITIVE_INFINITY;
    this.#receiver = receiver;
  }

  override push(piece: Buffer | null, encoding?: BufferEncoding): boolean {
    const receiver = this.#receiver;
    if (receiver === undefined) return super.push(piece, encoding);
    if (piece === null) {
      receiver.complete();
      return false;
    }
    this.#left -= piece.length;
    if (this.#left >= 0) {
      receiver.piece(piece);
      return true;
    }
    this.#receiver = NOBODY;
    this.destroy();
    return false;
  }

  /** Node drains the stream of an answered request. The stream of a taken body is empty. */
  override resume(): this {
    return this.#receiver === undefined ? super.resume() : this;
  }
}

const NOBODY: BodyReceiver = { piece() {}, complete() {} };
