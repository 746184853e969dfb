import type { ReplyBody } from './reply-body.ts';

/** A body of a known length; or of an infinite one, if it ends where the connection does. */
export class SizedBody implements ReplyBody {
  readonly #pieces: Buffer[] = [];
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  get isComplete(): boolean {
    return this.#left === 0;
  }

  get endsWithConnection(): boolean {
    return this.#left === Number.POSITIVE_INFINITY;
  }

  take(bytes: Buffer): number {
    const taken = Math.min(bytes.length, this.#left);
    if (taken > 0) this.#pieces.push(taken === bytes.length ? bytes : bytes.subarray(0, taken));
    this.#left -= taken;
    return taken;
  }

  content(): Buffer {
    return this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
  }
}
