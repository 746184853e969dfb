import type { Instant } from '@querator/core';
import { type PointInTime, toInstant } from '../values/point-in-time.ts';

/**
 * Thrown by a handler to give up on its item: it is dead, whatever its attempts.
 * It goes to the dead-letter queue, or is deleted if the queue has none.
 */
export class Dead extends Error {
  override readonly name = 'Dead';
}

/** Thrown by a handler to get its item back at a time of its choice. */
export class RetryAt extends Error {
  override readonly name = 'RetryAt';
  /** When the item becomes available again. */
  readonly at: Instant;

  /**
   * @param time a time that has passed means now.
   * @param reason kept with the item where the server can.
   * @throws TypeError if the time is none.
   */
  constructor(time: PointInTime, reason = '', options?: ErrorOptions) {
    super(reason, options);
    this.at = toInstant('time', time);
  }
}
