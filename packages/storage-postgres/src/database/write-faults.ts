import { type Clock, type Instant, millisecondsBetween } from '@querator/core';
import { type PostgresError, TOO_MANY_CONNECTIONS } from '../errors/postgres-error.ts';

/**
 * Classes of SQLSTATE by which the server reports that it cannot work. They are
 * insufficient resources such as a full disk, errors of the operating system, and
 * corrupted data. `TOO_MANY_CONNECTIONS` is in one of them, but says nothing about
 * writes.
 */
const CLASSES = new Set(['53', '58', 'XX']);

/** A refused write. */
interface WriteFault {
  readonly error: PostgresError;
  readonly kind: string;
  readonly at: Instant;
}

/**
 * The last write that the server refused because it cannot work. It counts until a
 * write of the same kind succeeds, or a produce. A produce needs more new space than
 * any other write.
 */
export class WriteFaults {
  readonly #clock: Clock;
  #last: WriteFault | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether there is one. Called for every write. */
  get any(): boolean {
    return this.#last !== undefined;
  }

  /** Why the last one was refused, and how long ago. */
  get last(): { readonly error: PostgresError; readonly ageMs: number } | undefined {
    if (this.#last === undefined) return undefined;
    const { error, at } = this.#last;
    return { error, ageMs: millisecondsBetween(at, this.#clock.now()) };
  }

  /** A write failed. @param statement the name of the statement, if it has one. */
  refused(statement: string | undefined, error: PostgresError): void {
    const { sqlState } = error;
    if (sqlState === undefined || sqlState === TOO_MANY_CONNECTIONS) return;
    if (!CLASSES.has(sqlState.slice(0, 2))) return;
    this.#last = { error, kind: kindOf(statement), at: this.#clock.now() };
  }

  /** A write was committed. */
  written(statement: string | undefined): void {
    const kind = kindOf(statement);
    if (kind === this.#last?.kind || kind === 'produce') this.#last = undefined;
  }

  /** The server can write again. */
  clear(): void {
    this.#last = undefined;
  }
}

/** A statement's name begins with its kind, followed by its table. */
function kindOf(statement: string | undefined): string {
  return statement?.split('_', 1)[0] ?? '';
}
