import type { ErrorCode, ErrorReason } from '@querator/core';

/** One check of a request, and how a request that fails it is answered. */
export interface Check {
  /** The request is refused if this is true. */
  readonly when: string;
  /** The message. `<name>` stands for a part that varies. */
  readonly text: string;
  /** Default: `invalid`. */
  readonly code?: ErrorCode;
  /** What `details.code` of the reply has. Absent: the reply has no details. */
  readonly reason?: ErrorReason;
  /**
   * Fields that make a correct request fail this check. Absent: it takes more
   * than one request, and the text is a constant of the source.
   */
  readonly broken?: Readonly<Record<string, unknown>>;
}

/** Checks that several calls share. The errors page shows them once. */
export interface CheckGroup {
  /** The heading on the errors page. */
  readonly title: string;
  readonly checks: readonly Check[];
}

/** A call with its checks in the order in which the server makes them. */
export interface CheckedCall {
  readonly path: string;
  /** A request that passes all checks. */
  readonly good: Readonly<Record<string, unknown>>;
  readonly steps: readonly (Check | CheckGroup)[];
}

/** Queues that the requests of these checks name. */
export const QUEUES = {
  /** Has a dead-letter queue, and one waiting item. */
  main: 'check-main',
  /** The dead-letter queue of `main`. */
  dead: 'check-dead',
  /** Empty. */
  empty: 'check-empty',
  /** Empty, and not activated: no call has named it. */
  idle: 'check-idle',
} as const;

/** Stands for the id of the waiting item in `main`. */
export const WAITING_ID = '{waiting id}';

/** An id that no item has. */
export const UNKNOWN_ID = '0'.repeat(27);

/** A text of so many bytes. */
export function textOf(bytes: number): string {
  return 'x'.repeat(bytes);
}

/** The same element so many times. */
export function times<T>(count: number, element: T): readonly T[] {
  return Array.from({ length: count }, () => element);
}

/** The check for U+0000 in a text field. */
export function withoutNul(
  field: string,
  broken: Check['broken'],
  when = `\`${field}\` contains U+0000`,
): Check {
  return {
    when,
    text: `${field} is invalid; cannot contain the character U+0000`,
    ...(broken && { broken }),
  };
}
