import type { AuditEvent, NewAuditEvent } from '../audit/audit-event.ts';
import type { Duration } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';

/** The place of an event in the order of a list. */
export type AuditPosition = Pick<AuditEvent, 'at' | 'callId'> & {
  /** Whether it is the event of the end of its call, and not of its begin. */
  readonly ended: boolean;
};

/** A page of events, the newest first. */
export interface AuditListRequest {
  /** Only events of this namespace. Undefined: those of the whole server. */
  readonly namespace: string | undefined;
  /** Only events from then on. */
  readonly from: Instant;
  /** Only events before. */
  readonly to: Instant;
  /** Only events of the user with this id or name. Undefined: of all. */
  readonly actor: string | undefined;
  /** Only events of these calls. Undefined: of all. */
  readonly actions: readonly string[] | undefined;
  /** The page begins after this place. Undefined: with the newest event. */
  readonly after: AuditPosition | undefined;
  /** The most events of the page; at least 1. */
  readonly limit: number;
}

/** A page of events. It may have fewer than were asked for, or none, though more follow. */
export interface AuditPage {
  readonly events: readonly AuditEvent[];
  /** Where the next page begins. Undefined: no more events. */
  readonly next: AuditPosition | undefined;
}

/**
 * Stores who called what. It lives beside the queues' settings: the queue store and
 * the access store keep events in the transactions of their changes.
 *
 * The order of events is that of `at`, then of `callId` as bytes; of one call, the
 * begin comes before the end.
 *
 * Contract of every driver, for all methods: calls may run concurrently, also
 * from several processes on the same storage. The first call that needs it
 * initialises the store; if that fails, the next call tries again. Each call
 * settles within the backend's time limits. A storage failure is a
 * `StorageError`. Texts come back unchanged, whatever they contain. A driver that
 * is not `durable` may keep only the newest events, at least 1,000.
 */
export interface AuditStore {
  /**
   * Stores events, all or none, with `at` by the storage's clock. They are durable
   * when the promise is fulfilled. Of the ends of one call only the first is
   * stored, and of its begins: so the end of a change that was committed with an
   * unknown outcome stays what it is.
   */
  append(events: readonly NewAuditEvent[]): Promise<void>;

  /** Reads one page. */
  list(request: AuditListRequest): Promise<AuditPage>;

  /**
   * Removes events that are older than `keep` by the storage's clock: the oldest
   * ones, at most `limit`. Several processes may do so at once; one leaves alone
   * what another is removing.
   *
   * @returns the number of removed events. Fewer than `limit`: there were no more.
   */
  prune(keep: Duration, limit: number): Promise<number>;
}
