import type { EngineLimits } from '../engine-deps.ts';

/**
 * The tuning figures of the loops, each with its unit, and with the place where
 * it was measured. The bench rows are those of docs/performance.md.
 */

type BatchingLimits = Pick<
  EngineLimits,
  | 'itemsBuffered'
  | 'bytesBuffered'
  | 'requestsBuffered'
  | 'statementItems'
  | 'statementBytes'
  | 'statementsInFlight'
  | 'slowMs'
  | 'slowItemMs'
  | 'emptyMs'
>;

/** The figures that an embedder may change. */
export const BATCHING_LIMITS: BatchingLimits = {
  /**
   * Items: as many as two statements hold. With fewer, storage has no work while
   * producers send again. A pending request of one small item takes about 2 kB.
   * So a queue holds at most 40 MB of a heap of 512 MB.
   */
  itemsBuffered: 20_000,
  /** Bytes; what two statements hold. Not measured. */
  bytesBuffered: 32_000_000,
  /** Requests; off. With 100, 300 producers of single items overloaded a healthy database. */
  requestsBuffered: Number.POSITIVE_INFINITY,
  /** Items; ten requests of the largest size. Not measured. */
  statementItems: 10_000,
  /** Bytes; bounds the memory of one statement. Not measured. */
  statementBytes: 16_000_000,
  /** Statements; with 2, `produce-1` and `cycle-1` were a tenth slower; with 4, no faster (ADR 14). */
  statementsInFlight: 3,
  /** Milliseconds; not measured on its own. `slowItemMs` is added for each item. */
  slowMs: 25,
  /**
   * Milliseconds per written item. A statement of 2,700 items takes 25 ms on a
   * healthy database. With this allowance `produce-1000` was 7 % faster,
   * `lease-1000` 3 to 7 % (docs/performance.md, "What paid"; ADR 14).
   */
  slowItemMs: 0.02,
  /** Milliseconds; not measured. */
  emptyMs: 25,
};

/**
 * Items that justify a statement of their own, whatever is in flight. A
 * statement costs the process and the database together as much as 30 items in
 * it. With 64 clients of single items, 32 of them share a statement instead of
 * 21: `produce-1` was 12 % faster, `mix-100` 7 %, `cycle-1` 4 %
 * (docs/performance.md, "What paid"; ADR 14).
 */
const ENOUGH_ITEMS = 50;

/**
 * While 2 statements write 1,000 items in all, a third one is not sent. Large
 * statements wait for each other's locks in PostgreSQL. With this rule
 * `produce-1000` was 8 % faster, and `lease-1000` 7 %. Produce in batches of 100
 * by 64 clients was 11 % faster (docs/performance.md, "What paid").
 */
const BUSY = { statements: 2, writtenItems: 1_000 };

/**
 * The age of leases, in milliseconds, from which the process may have been
 * suspended. A statement that takes less is only slow, however short the leases. Not
 * measured.
 */
const SHORTEST_SUSPENSION_MS = 1_000;

/** A lease request that waits for less than 2 times `emptyMs` is not put off. Not measured. */
const PUT_OFF_FACTOR = 2;

/**
 * UTF-16 units of an id that count as one item. A text that is no id may be as
 * long as a request body. It has to count towards `itemsBuffered`.
 * Not measured.
 */
const ID_UNITS_PER_ITEM = 1_000;

/**
 * More items than this do not wait for consumers (`ConsumerWait`): the lease that is
 * saved takes them a smaller share of the time.
 */
export const MOST_ITEMS_THAT_WAIT = ENOUGH_ITEMS;

/**
 * How long a produce waits for consumers, in times of a lease and in milliseconds. They
 * have to lease the items of the previous produce, to handle them and to ask again.
 * Leases that take less than the least time are not worth a wait. Not measured.
 */
const CONSUMER_WAIT = { leases: 4, mostMs: 5, leastLeaseMs: 0.1 };

/** Statements of one kind that are in flight on a partition. */
export interface InFlight {
  readonly statements: number;
  /** The items in them, or asked for with them. */
  readonly items: number;
}

/**
 * Whether the waiting items go to storage now. If not, they wait until they are
 * as many as in a statement in flight, or until one returns. Otherwise
 * clients that were just answered would send one small statement each.
 */
export function isWorthAStatement(waitingItems: number, { statements, items }: InFlight): boolean {
  return waitingItems >= ENOUGH_ITEMS || waitingItems * statements >= items;
}

/** Whether the statements in flight keep the database busy, so that another one would only delay them. */
export function isBusy(statements: number, writtenItems: number): boolean {
  return statements >= BUSY.statements && writtenItems >= BUSY.writtenItems;
}

/** How long a produce waits for consumers, in milliseconds. 0: not at all. @param leaseMs how long a lease takes. */
export function consumerWaitMs(leaseMs: number): number {
  const { leases, mostMs, leastLeaseMs } = CONSUMER_WAIT;
  return leaseMs < leastLeaseMs ? 0 : Math.min(Math.ceil(leases * leaseMs), mostMs);
}

/** The time, in milliseconds, after which a statement of `writtenItems` items is slow. */
export function slowAfterMs(
  writtenItems: number,
  { slowMs, slowItemMs }: Pick<EngineLimits, 'slowMs' | 'slowItemMs'>,
): number {
  return slowMs + Math.floor(writtenItems * slowItemMs);
}

/** How old a lease may be, in milliseconds, when its items are distributed. After that they may be leased again. */
export function longestHandOutMs(leaseTimeoutMs: number): number {
  return Math.max(leaseTimeoutMs, SHORTEST_SUSPENSION_MS);
}

/** Whether a lease request that waits `withinMs` may be put off at a partition that was just found empty. */
export function mayPutOff(withinMs: number, { emptyMs }: Pick<EngineLimits, 'emptyMs'>): boolean {
  return withinMs > PUT_OFF_FACTOR * emptyMs;
}

/** The items that a list of ids counts as. */
export function itemsOf(ids: readonly string[]): number {
  return ids.reduce((sum, id) => sum + (Math.ceil(id.length / ID_UNITS_PER_ITEM) || 1), 0);
}
