import type { Outcome } from '@querator/core';

/** A request to storage, or one whose items are decided each by itself. */
export interface Divided<Request> {
  /** One request for each item. Absent: the items are decided together. */
  readonly each?: readonly Request[];
}

/** The outcomes of a divided request, one for each of its items. */
export class EachOutcome<Result> {
  readonly outcomes: readonly Outcome<Result>[];

  constructor(outcomes: readonly Outcome<Result>[]) {
    this.outcomes = outcomes;
  }
}

/**
 * Sends requests together, divided ones in their parts. So they share a statement
 * with the others, and one bad item does not affect the rest of its request.
 */
export async function applyDivided<Request extends object, Result>(
  requests: readonly (Request & Divided<Request>)[],
  apply: (requests: readonly Request[]) => Promise<readonly Outcome<Result>[]>,
): Promise<readonly Outcome<Result | EachOutcome<Result>>[]> {
  if (requests.every(({ each }) => each === undefined)) return apply(requests);
  const outcomes = await apply(requests.flatMap((request) => request.each ?? [request]));
  let next = 0;
  return requests.map(({ each }) => {
    const start = next;
    next += each?.length ?? 1;
    if (each === undefined) return outcomes[start] as Outcome<Result>;
    return { ok: true, value: new EachOutcome(outcomes.slice(start, next)) };
  });
}
