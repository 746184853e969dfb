import { getHeapStatistics } from 'node:v8';
import { type Logger, silentLogger } from '@querator/core';
import type { ItemBudget } from '@querator/engine';
import type { AnyEndpoint } from '@querator/protocol';
import { SMALLEST_MEMORY_BUDGET } from '../../config/byte-size.ts';

/** The part of the heap's limit that the budget is by default. */
const PART_OF_HEAP = 1 / 4;

/** The shares of the budget. The comments of `MemoryBudget` say what they hold. */
const SHARES = { producers: 1 / 2, calls: 1 / 8, pipelined: 1 / 8, answers: 1 / 4 } as const;

/** A request leaves this many times its own size free, for smaller ones. */
const MARGIN = 7;
/** The greatest margin, as a part of the share. */
const GREATEST_MARGIN = 1 / 8;

/** The budget of a process in bytes, unless it is configured. @param heapBytes the limit of the heap. */
export function defaultMemoryBudget(heapBytes = getHeapStatistics().heap_size_limit): number {
  return Math.max(Math.floor(heapBytes * PART_OF_HEAP), SMALLEST_MEMORY_BUDGET);
}

/** A part of the budget. Only its holders count, so a share that is full delays no other. */
export class MemoryShare {
  /** In bytes. */
  readonly limit: number;
  /** Bytes in use. Holders that took them with `take` may add and subtract. */
  used = 0;
  /** How often a request found no room. */
  refused = 0;
  readonly #greatestMargin: number;
  readonly #onRefused: () => void;

  /** @param onRefused called whenever a request finds no room. */
  constructor(limit: number, onRefused: () => void = () => {}) {
    this.limit = limit;
    this.#greatestMargin = limit * GREATEST_MARGIN;
    this.#onRefused = onRefused;
  }

  /**
   * Takes bytes for a request, if there is room. The greater a request, the more
   * must stay free beside it: many small requests fit where a few great ones do not.
   *
   * @param held what the request has taken before.
   */
  take(bytes: number, held = 0): boolean {
    if (!this.hasRoom(bytes, held)) return this.refuse();
    this.used += bytes;
    return true;
  }

  /** Counts a request that found no room. */
  refuse(): false {
    this.refused++;
    this.#onRefused();
    return false;
  }

  /** Whether `take` would succeed. */
  hasRoom(bytes: number, held = 0): boolean {
    return this.used + bytes + Math.min(MARGIN * (held + bytes), this.#greatestMargin) <= this.limit;
  }
}

/**
 * What the requests of a process may hold in memory, in bytes. Each kind of
 * holder has a share of its own: producers cannot use up what consumers need,
 * and clients that do not read their answers cannot use up either.
 */
export class MemoryBudget {
  /** Bodies of produce and import, and produced items that wait for storage. */
  readonly producers: MemoryShare;
  /** Bodies of all other calls. */
  readonly calls: MemoryShare;
  /** Requests that wait behind others of their connection, besides their bodies. */
  readonly pipelined: MemoryShare;
  /** Answers that clients have not read yet. */
  readonly answers: MemoryShare;
  /** The bytes of `producers` that items hold. The rest are bodies. */
  items = 0;
  /** The share of producers, as the engine sees it. */
  readonly itemBudget: ItemBudget = {
    take: (bytes) => {
      const { producers } = this;
      // No margin: the body of the request was taken with one.
      if (producers.used + bytes > producers.limit) return producers.refuse();
      producers.used += bytes;
      this.items += bytes;
      return true;
    },
    release: (bytes) => {
      this.producers.used -= bytes;
      this.items -= bytes;
    },
  };

  /**
   * @param bytes of all shares together.
   * @param logger warns when a share has no room. Its owner limits repetitions.
   */
  constructor(bytes: number, logger: Logger = silentLogger) {
    const shareOf = (share: keyof typeof SHARES) => {
      const limit = bytes * SHARES[share];
      const text = 'a request was refused: its share of the memory budget is used up';
      return new MemoryShare(limit, () => logger.warn(text, { share, limit }));
    };
    this.producers = shareOf('producers');
    this.calls = shareOf('calls');
    this.pipelined = shareOf('pipelined');
    this.answers = shareOf('answers');
  }

  /** The share that holds the body of a call. */
  ofCall({ traffic }: Pick<AnyEndpoint, 'traffic'>): MemoryShare {
    return traffic === 'stores' ? this.producers : this.calls;
  }
}
