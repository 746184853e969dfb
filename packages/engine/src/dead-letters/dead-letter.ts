import {
  ATTEMPTS_MAX,
  type DeadLetter,
  type Instant,
  type ItemId,
  type Metadata,
  type StoredItem,
} from '@querator/core';
import { partitionInSpread } from '@querator/router';

/** The result of one step of a dead-letter move. */
export interface Step {
  /** The ids of the items that took the step. */
  readonly ids: readonly ItemId[];
  /** Why other items did not. Undefined: all of them did. */
  readonly error?: unknown;
  /** The other items whose outcome is unknown: the step may still take effect. */
  readonly inDoubt: readonly ItemId[];
}

/** Where items died. */
export interface DeathPlace {
  readonly queue: string;
  /** When the queue was created. */
  readonly queueCreatedAt: Instant;
  readonly partition: number;
}

const NO_METADATA: Metadata = new Map();

/** The dead-letter queues, as the mover sees them. Each call rejects if the queue is not available. */
export interface DeadLetterTargets {
  /** Stores dead items as prepared letters. Leaves out letters that exist already. */
  readonly prepare: (deadQueue: string, items: readonly StoredItem[], from: DeathPlace) => Promise<Step>;
  /** Makes prepared letters available. Takes the ids that the items had in their source queue. */
  readonly commit: (deadQueue: string, ids: readonly ItemId[]) => Promise<Step>;
  /** Removes prepared letters. */
  readonly abort: (deadQueue: string, ids: readonly ItemId[]) => Promise<Step>;
}

/**
 * The letter of a dead item. It keeps the item's content and details, and its id as
 * source id, by which the dead-letter queue recognises a second copy. The last error
 * becomes part of the source: the letter may get errors of its own.
 *
 * Where the source queue keeps no metadata, the id of the dead item is the first one
 * that is known.
 */
export function deadLetter(item: StoredItem, { queue, queueCreatedAt, partition }: DeathPlace): DeadLetter {
  const { id, encoding, kind, reference, payload, attempts, createdAt, details, death } = item;
  const before = details?.source?.attempts ?? 0;
  const source = {
    ...{ queue, queueCreatedAt, partition, id, death },
    attempts: Math.min(attempts + before, ATTEMPTS_MAX),
    producedAt: createdAt,
    error: details?.error,
  };
  const { firstId = id, metadata = NO_METADATA } = details ?? {};
  return { sourceId: id, encoding, kind, reference, payload, details: { firstId, metadata, source } };
}

/**
 * The partitions where the letter of an item may be, the oldest first. The last one takes it. The others took it
 * before the queue lost partitions.
 */
export function letterPlaces(sourceId: string, spread: readonly number[]): readonly [number[], number] {
  const last = deadLetterPartition(sourceId, spread);
  const earlier = spread.slice(1).map((_, n) => deadLetterPartition(sourceId, spread.slice(0, n + 1)));
  return [[...new Set(earlier)].filter((place) => place !== last), last];
}

/**
 * The partition of a dead-letter queue that takes an item. The same id always
 * goes to the same partition, because source ids are unique only within one.
 * The random tail of the id spreads the letters evenly.
 */
export function deadLetterPartition(sourceId: string, spread: readonly number[]): number {
  let hash = 0;
  for (let i = 0; i < sourceId.length; i++) hash = (Math.imul(hash, 31) + sourceId.charCodeAt(i)) >>> 0;
  return partitionInSpread(hash, spread);
}
