import { instantFromMicroseconds } from '@querator/core';
import { numberIn } from '../sql/new-item-id.ts';
import { instantToText } from '../wire/instant-text.ts';

/** The last number of the sequence that the users of a pool know of, whichever table it went to. */
export class ItemNumbers {
  #last = 0n;
  #server = 0n;

  /** No number that is handed out from now on may be this or less. */
  get last(): bigint {
    return this.#last;
  }

  /** When the server that was met last was started; 0: none was met. See `SERVER_START`. */
  get server(): bigint {
    return this.#server;
  }

  /** A number was handed out. */
  saw(number: bigint): void {
    if (number > this.#last) this.#last = number;
  }

  /** A look at a table was answered by a server that was started then. */
  met(server: bigint): void {
    this.#server = server;
  }
}

/** What the number of a statement that writes new ids is held against. */
export interface NumberGuard {
  /** It has to be greater. */
  readonly last: bigint;
  /** The start of the server on which the table was looked at, which has to be the one that is written to; 0: any. */
  readonly server: bigint;
}

/** What is known of a table's ids: those of the pool, and on which server the table itself was looked at. */
export class TableNumbers implements NumberGuard {
  readonly #shared: ItemNumbers;
  #server = 0n;
  #startedAt: string | null = null;
  /** The look that is under way, and the one after it. */
  #looking: Promise<void> | undefined;
  #nextLook: Promise<void> | undefined;

  constructor(shared: ItemNumbers) {
    this.#shared = shared;
  }

  get last(): bigint {
    return this.#shared.last;
  }

  get server(): bigint {
    return this.#server;
  }

  /** The same as PostgreSQL reads it as a timestamptz; null: any. */
  get startedAt(): string | null {
    return this.#startedAt;
  }

  /** Whether the table was looked at on the server that the pool met last. */
  get isLookedAt(): boolean {
    return this.#server !== 0n && this.#server === this.#shared.server;
  }

  /** An item of the table has this id; one that is not of our making says nothing. */
  sawId(id: string | undefined): void {
    if (id !== undefined) this.#shared.saw(numberIn(id));
  }

  /** The sequence has handed out this number. */
  saw(number: bigint): void {
    this.#shared.saw(number);
  }

  /**
   * Has the table looked at. All who ask while a look is under way share the next
   * one: what made them ask may be younger than the one under way.
   *
   * @param look looks at the table, and gives the start of the server that answered.
   */
  lookWith(look: () => Promise<bigint>): Promise<void> {
    if (this.#looking === undefined) {
      this.#looking = this.#look(look).finally(() => {
        this.#looking = undefined;
      });
      return this.#looking;
    }
    this.#nextLook ??= this.#looking
      .catch(() => {})
      .then(() => {
        this.#nextLook = undefined;
        return this.lookWith(look);
      });
    return this.#nextLook;
  }

  async #look(look: () => Promise<bigint>): Promise<void> {
    const server = await look();
    this.#server = server;
    this.#startedAt = server === 0n ? null : instantToText(instantFromMicroseconds(server));
    this.#shared.met(server);
  }
}
