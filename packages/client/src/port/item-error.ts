import { type ErrorCode, type ErrorReason, QueueError } from '@querator/core';

/** The kinds of the reasons that do not say that the item itself is wrong. */
const CODES: ReadonlyMap<string, ErrorCode> = new Map<ErrorReason, ErrorCode>([
  ['unavailable', 'retry'],
  ['outcome_unknown', 'retry'],
]);

/** The error of one item in a reply under `/v2/`. Undefined: there is none. */
export function itemError({ code, message }: ItemOutcome): QueueError | undefined {
  return code === '' ? undefined : new QueueError(CODES.get(code) ?? 'invalid', message, { reason: code });
}

/** What a reply says of one item. */
export interface ItemOutcome {
  /** Empty: all is well. */
  readonly code: string;
  readonly message: string;
}
