import { instantFromMicroseconds } from '@querator/core';
import type { ItemNumbers } from '../pool/item-numbers.ts';
import { instantToText } from '../wire/instant-text.ts';
import { type NumberGuard, numberIn } from './new-item-id.ts';

/** What is known of a table's ids: those of the pool, and on which server the table itself was looked at. */
export class TableNumbers implements NumberGuard {
  readonly #shared: ItemNumbers;
  #server = 0n;
  #startedAt: string | null = null;
  /** The look that is under way, and the one after it. */
  #checking: Promise<void> | undefined;
  #nextCheck: Promise<void> | undefined;

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
  get isChecked(): boolean {
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
  checkWith(check: () => Promise<bigint>): Promise<void> {
    if (this.#checking === undefined) {
      this.#checking = this.#check(check).finally(() => {
        this.#checking = undefined;
      });
      return this.#checking;
    }
    this.#nextCheck ??= this.#checking
      .catch(() => {})
      .then(() => {
        this.#nextCheck = undefined;
        return this.checkWith(check);
      });
    return this.#nextCheck;
  }

  async #check(check: () => Promise<bigint>): Promise<void> {
    const server = await check();
    this.#server = server;
    this.#startedAt = server === 0n ? null : instantToText(instantFromMicroseconds(server));
    this.#shared.met(server);
  }
}
