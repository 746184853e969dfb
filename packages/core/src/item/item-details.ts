import type { Instant } from '../time/instant.ts';
import type { ItemId } from './item-id.ts';

/** Why an item died. `moved`: an operator moved it. */
export const DEATH_REASONS = ['attempts', 'expired', 'rejected', 'moved'] as const;

/** One of {@link DEATH_REASONS}. */
export type DeathReason = (typeof DEATH_REASONS)[number];

/** When and why an item died. */
export interface Death {
  /** By the storage's clock. */
  readonly at: Instant;
  readonly reason: DeathReason;
}

/** Where a dead letter came from. */
export interface LetterSource {
  readonly queue: string;
  /**
   * When that queue was created, which tells it from a later one of its name. Undefined
   * if an earlier version of the server recorded the source.
   */
  readonly queueCreatedAt?: Instant | undefined;
  readonly partition: number;
  /** The id under which the item died. */
  readonly id: ItemId;
  /** How often the item was leased in all, also in queues that it came from before. */
  readonly attempts: number;
  /** When the item entered that queue. */
  readonly producedAt: Instant;
  /** Undefined if the storage of that queue does not keep it. */
  readonly death?: Death | undefined;
  /** The last error of a consumer. */
  readonly error?: string | undefined;
}

/** Pairs of a producer. Querator never interprets them. */
export type Metadata = ReadonlyMap<string, string>;

/**
 * What is kept with an item besides its content: through retries, schedules, the
 * ends of leases, and on into the dead-letter queue.
 */
export interface ItemDetails {
  /** The id that the item got when it was produced. */
  readonly firstId: ItemId;
  /** Empty if the producer gave none. */
  readonly metadata: Metadata;
  /** The last error that a retry gave. */
  readonly error?: string | undefined;
  /** Only of dead letters. */
  readonly source?: LetterSource | undefined;
}

/** The details that an imported item brings. */
export interface ImportedDetails extends Omit<ItemDetails, 'firstId'> {
  /** Undefined: the new id is the first one. */
  readonly firstId?: ItemId | undefined;
}
