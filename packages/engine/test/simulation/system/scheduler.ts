import { type Instant, instantFromMicroseconds, instantFromMilliseconds } from '@querator/core';
import type { SimulatedEventLoop } from './simulated-event-loop.ts';

/** When a simulation begins. */
const START = Number(instantFromMilliseconds(Date.UTC(2026, 0, 1)));

/** The instant that many milliseconds after the start. */
export function instantAt(ms: number): Instant {
  return instantFromMicroseconds(BigInt(START + Math.round(ms * 1_000)));
}

interface Planned {
  readonly at: number;
  readonly sequence: number;
  readonly act: () => void;
  cancelled: boolean;
}

/**
 * Simulated time, and all planned events in one queue, by time and then by the
 * order of planning. Time stands still during an event, and advances by at
 * least a microsecond to the next.
 */
export class Scheduler {
  readonly #simulation: SimulatedEventLoop;
  readonly #heap: Planned[] = [];
  #now = START;
  #sequence = 0;

  constructor(simulation: SimulatedEventLoop) {
    this.#simulation = simulation;
  }

  /** Milliseconds since the start. */
  get nowMs(): number {
    return (this.#now - START) / 1_000;
  }

  /** The time of a clock that is ahead by `fastByMs`. */
  instant(fastByMs = 0): Instant {
    return instantFromMicroseconds(BigInt(this.#now + fastByMs * 1_000));
  }

  /**
   * Plans an event.
   *
   * @returns cancels it.
   */
  after(delayMs: number, act: () => void): () => void {
    const at = this.#now + Math.ceil(Math.max(delayMs, 0) * 1_000);
    const planned: Planned = { at, sequence: this.#sequence++, act, cancelled: false };
    this.#push(planned);
    return () => {
      planned.cancelled = true;
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /**
   * Lets time pass until `run` has ended.
   *
   * @throws Error when no event is planned any more and it has not ended.
   */
  async run<T>(run: () => Promise<T>): Promise<T> {
    let ended = false;
    const result = run().finally(() => {
      ended = true;
    });
    result.catch(() => {});
    await this.#simulation.settle();
    while (!ended) {
      const next = this.#pop();
      if (next === undefined) throw new Error('no event is planned, and the simulation has not ended');
      if (next.cancelled) continue;
      this.#now = Math.max(this.#now + 1, next.at);
      next.act();
      await this.#simulation.settle();
    }
    return result;
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(planned);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(planned, heap[parent] as Planned)) break;
      heap[index] = heap[parent] as Planned;
      index = parent;
    }
    heap[index] = planned;
  }

  #pop(): Planned | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let index = 0;
    for (let child = 1; child < heap.length; child = 2 * index + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Planned, heap[child] as Planned)) child++;
      if (!isBefore(heap[child] as Planned, last)) break;
      heap[index] = heap[child] as Planned;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
