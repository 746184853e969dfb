import { type Clock, type Instant, millisecondsBetween } from '@querator/core';

/** The column that keeps the details of items. A table of an earlier version may lack it. */
export const METADATA_COLUMN = { name: 'metadata', type: 'jsonb' } as const;

/** How long to wait before another try to add the column. Each try may delay other statements on the table. */
const NEXT_TRY_MS = 10_000;

/**
 * Whether a table has the column for the details of items, as far as this process
 * knows. Statements on a table without it do not mention it.
 */
export class MetadataColumn {
  #fault: string | undefined = 'its table was not checked yet';
  #triedAt: Instant | undefined;
  #isLocked = false;

  /** Why the column cannot be used, and what to do. Undefined: it can. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Whether the column can be used. */
  get isThere(): boolean {
    return this.#fault === undefined;
  }

  /** Whether the column is missing only because another session held the table at the last try. */
  get isLocked(): boolean {
    return this.#isLocked;
  }

  /** The table has the column. */
  found(): void {
    this.#fault = undefined;
    this.#isLocked = false;
  }

  /** The table lacks the column. */
  missing(fault: string): void {
    this.#fault = fault;
  }

  /** The column could not be added, because another session held the table. */
  locked(): void {
    this.#isLocked = true;
  }

  /** Whether it is time for another try to add the column. */
  isTryDue(clock: Clock): boolean {
    return this.#triedAt === undefined || millisecondsBetween(this.#triedAt, clock.now()) >= NEXT_TRY_MS;
  }

  /** A try begins. */
  tryBegins(clock: Clock): void {
    this.#triedAt = clock.now();
    this.#isLocked = false;
  }
}
