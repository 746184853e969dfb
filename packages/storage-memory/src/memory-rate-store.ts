import {
  type Clock,
  type Instant,
  instantFromMicroseconds,
  type MinuteCounts,
  type QueueCounts,
  RATE_EVENTS,
  RATE_INTERVAL,
  RATES_KEPT,
  type RateCounts,
  type RateStore,
  type Rates,
  type RatesRequest,
  toMicroseconds,
} from '@querator/core';
import { byteOrder } from './byte-order.ts';

const MINUTE = toMicroseconds(RATE_INTERVAL);
const KEPT = toMicroseconds(RATES_KEPT);

/** What is kept of a queue in a minute. */
type Sums = RateCounts & Pick<QueueCounts, 'depth'>;

/** What happened to queues, in memory; see core's `RateStore`. */
export class MemoryRateStore implements RateStore {
  readonly #clock: Clock;
  readonly #assertOpen: () => void;
  /** By minutes, the earliest first, then by the names of queues. */
  readonly #minutes = new Map<Instant, Map<string, Sums>>();

  constructor(clock: Clock, assertOpen: () => void) {
    this.#clock = clock;
    this.#assertOpen = assertOpen;
  }

  async add(counts: readonly QueueCounts[]): Promise<void> {
    this.#assertOpen();
    const now = this.#clock.now();
    for (const minute of this.#minutes.keys()) if (minute < now - KEPT) this.#minutes.delete(minute);
    const minute = minuteOf(now);
    const queues = this.#minutes.get(minute) ?? new Map<string, Sums>();
    this.#minutes.set(minute, queues);
    for (const { queue, ...added } of counts) queues.set(queue, sum(queues.get(queue), added));
  }

  async read({ queues, span }: RatesRequest): Promise<Rates> {
    this.#assertOpen();
    const now = this.#clock.now();
    const first = minuteOf(now - toMicroseconds(span));
    const minutes = [...this.#minutes].filter(([minute]) => minute >= first);
    minutes.sort(([a], [b]) => Number(a - b));
    const counts = queues.toSorted(byteOrder).flatMap((queue) =>
      minutes.flatMap(([minute, all]): MinuteCounts[] => {
        const found = all.get(queue);
        return found === undefined ? [] : [{ queue, minute, ...found }];
      }),
    );
    return { now, counts };
  }

  clear(): void {
    this.#minutes.clear();
  }
}

function minuteOf(at: bigint): Instant {
  return instantFromMicroseconds(at - (at % MINUTE));
}

function sum(some: Sums | undefined, more: Sums): Sums {
  const sums = RATE_EVENTS.map((event) => [event, (some?.[event] ?? 0) + more[event]]);
  const depth = more.depth ?? some?.depth;
  return { ...(Object.fromEntries(sums) as RateCounts), ...(depth && { depth: { ...depth } }) };
}
