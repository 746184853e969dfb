import type { PendingLease } from './lease-requests.ts';

/**
 * The most kinds of requests that are looked for in vain in one cycle. Each search
 * looks at all partitions, and a client can think of any number of kinds.
 */
const MOST_KINDS = 32;

/** What one cycle of the lease loop has found out. Thousands of requests may wait for what is not there. */
export class PartitionSearch {
  /** Whether any partition holds items, or may. Undefined: nobody has looked. */
  anyItems: boolean | undefined;
  readonly #inVain = new Set<string>();

  /** Whether no partition can be found for the request: there was none for one of its kind. */
  isInVain(request: PendingLease): boolean {
    if (request.kind === undefined) return false;
    return this.#inVain.size >= MOST_KINDS || this.#inVain.has(present(request));
  }

  /** There was no partition for the request. */
  failed(request: PendingLease): void {
    if (this.#inVain.size < MOST_KINDS) this.#inVain.add(present(request));
  }
}

/** The kind of a request now: one that no longer gathers takes any number of items. */
function present({ kind = '', gathering }: PendingLease): string {
  return gathering?.holdsOut === false ? `${kind} any` : kind;
}
