import { instantFromMicroseconds, SharedRun } from '@querator/core';
import type { ItemNumbers } from '../pool/item-numbers.ts';
import { instantToText } from '../wire/instant-text.ts';
import { type NumberGuard, numberIn } from './new-item-id.ts';

/**
 * The numbers in a table's ids: the pool's greatest number, and the server on which
 * the table was checked.
 */
export class TableNumbers implements NumberGuard {
  readonly #shared: ItemNumbers;
  #server = 0n;
  #startedAt: string | null = null;
  readonly #checks = new SharedRun((check: () => Promise<bigint>) => this.#check(check));

  constructor(shared: ItemNumbers) {
    this.#shared = shared;
  }

  get last(): bigint {
    return this.#shared.last;
  }

  get server(): bigint {
    return this.#server;
  }

  /** The same as a timestamptz. Null: any server. */
  get startedAt(): string | null {
    return this.#startedAt;
  }

  /** Whether the table was checked on the server that answered the pool's last check. */
  get isChecked(): boolean {
    return this.#server !== 0n && this.#server === this.#shared.server;
  }

  /** An item of the table has this id. An id of another program is ignored. */
  observeId(id: string | undefined): void {
    if (id !== undefined) this.#shared.observe(numberIn(id));
  }

  /** The sequence has given out this number. */
  observe(number: bigint): void {
    this.#shared.observe(number);
  }

  /**
   * Checks the table. Callers that arrive during a check share the next one.
   * Their reason may be newer than the running check.
   *
   * @param check checks the table, and returns the start time of the server that
   *   answered.
   */
  checkWith(check: () => Promise<bigint>): Promise<void> {
    return this.#checks.start(check);
  }

  async #check(check: () => Promise<bigint>): Promise<void> {
    const server = await check();
    this.#server = server;
    this.#startedAt = server === 0n ? null : instantToText(instantFromMicroseconds(server));
    this.#shared.observeServer(server);
  }
}
