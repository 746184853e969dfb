import { MESSAGES, QueueError } from '@querator/core';

/** A produce had no effect, because its dedup keys belong to another partition by now. It has to be sent there. */
export class KeysMoved extends QueueError {
  constructor() {
    super('retry', MESSAGES.produceTimedOut, { reason: 'unavailable' });
  }
}
