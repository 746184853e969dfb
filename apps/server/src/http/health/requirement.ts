import { errorText, invalid } from '@querator/core';

/** Which checks have to pass for the server to be healthy. */
export type Requirement =
  /** The check of the queues, which clients of the documented endpoint expect. */
  | { readonly kind: 'queue-info' }
  /** The check of the queues and of every partition storage. */
  | { readonly kind: 'all' }
  /** The check of the queues and of at least `count` partition storages. */
  | { readonly kind: 'quorum'; readonly count: number };

/**
 * Reads the query of a health request.
 *
 * @param storages the number of partition storages.
 * @throws QueueError `invalid` naming the parameter and what was expected.
 */
export function parseRequirement(query: URLSearchParams, storages: number): Requirement {
  const wanted = query.get('requireStorage');
  const quorum = query.get('quorum');
  if (quorum !== null && wanted !== 'quorum') {
    throw invalid("quorum is invalid; it goes with 'requireStorage=quorum' only");
  }
  switch (wanted) {
    case null:
    case 'queue-info':
      return { kind: 'queue-info' };
    case 'all':
      return { kind: 'all' };
    case 'one':
      return { kind: 'quorum', count: 1 };
    case 'quorum':
      return { kind: 'quorum', count: parseQuorum(quorum, storages) };
    default:
      throw invalid(
        errorText`requireStorage is invalid; '${wanted}' is none of 'all', 'one', 'queue-info' and 'quorum'`,
      );
  }
}

function parseQuorum(text: string | null, storages: number): number {
  const count = text !== null && /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= storages) return count;
  const given = text === null ? 'it is missing' : `'${text}' is out of range`;
  throw invalid(errorText`quorum is invalid; ${given}, expected a number from 1 to ${storages}`);
}
