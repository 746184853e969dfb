import {
  checkQueueKnown,
  type Duration,
  errorText,
  formatDuration,
  invalid,
  noSuchQueue,
  RATES_SPAN_MAX,
  type RateStore,
  type Rates,
  toMilliseconds,
  unavailable,
} from '@querator/core';
import type { QueueManager } from '../manager/queue-manager.ts';

const SHORTEST_MS = 1_000;

/**
 * Tells what happened to the items of queues, per minute, at all processes.
 *
 * Throws QueueError: `invalid` for an unknown queue or a span out of range, `failed` with the reason
 * `unavailable` if the storage of the queues keeps no rates. Throws StorageError when it fails.
 */
export class RatesService {
  readonly #manager: QueueManager;
  readonly #store: RateStore | undefined;

  constructor(manager: QueueManager, store: RateStore | undefined) {
    this.#manager = manager;
    this.#store = store;
  }

  /** @param span how far back, from now on: 1 s to 24 h. */
  async read(queueName: string, span: Duration): Promise<Rates> {
    const ms = toMilliseconds(span);
    if (ms < SHORTEST_MS || ms > toMilliseconds(RATES_SPAN_MAX)) {
      throw invalid(errorText`span is invalid; must be from '1s' to '${formatDuration(RATES_SPAN_MAX)}'`);
    }
    checkQueueKnown(queueName);
    if ((await this.#manager.find(queueName)) === undefined) throw noSuchQueue(queueName);
    if (this.#store === undefined) throw unavailable('failed', 'the storage of the queues keeps no rates');
    return this.#store.read({ queues: [queueName], span });
  }
}
