import { type Clock, type Instant, type Logger, millisecondsBetween } from '@querator/core';

/** Why the first row of a queue cannot go, as this relay has found out. */
export interface QueueFault {
  readonly rowId: string;
  /** A stable word. */
  readonly code: string;
  readonly reason: string;
}

/** The most queues whose faults are remembered. The outbox itself keeps all of them. */
const MOST_QUEUES = 1_000;
/** A fault that was not met again for this long is forgotten: somebody has removed its rows. */
const FORGOTTEN_MS = 120_000;

/** The queues of an outbox whose rows cannot go. Logs each once, when it begins and when it ends. */
export class QueueFaults {
  readonly #outbox: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #faults = new Map<string, QueueFault & { readonly at: Instant }>();

  /** @param deps `outbox` is its name. */
  constructor(deps: { readonly outbox: string; readonly clock: Clock; readonly logger: Logger }) {
    this.#outbox = deps.outbox;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
  }

  /** The faults by queue. */
  get all(): ReadonlyMap<string, QueueFault> {
    const now = this.#clock.now();
    for (const [queue, { at }] of this.#faults) {
      if (millisecondsBetween(at, now) > FORGOTTEN_MS) this.#faults.delete(queue);
    }
    return this.#faults;
  }

  failed(queue: string, fault: QueueFault): void {
    const known = this.#faults.get(queue);
    if (known?.code !== fault.code) {
      this.#logger.warn('rows of an outbox cannot go to their queue', {
        ...{ outbox: this.#outbox, queue, row: fault.rowId, code: fault.code, reason: fault.reason },
      });
    }
    if (known === undefined && this.#faults.size >= MOST_QUEUES) return;
    this.#faults.set(queue, { ...fault, at: this.#clock.now() });
  }

  moved(queue: string): void {
    if (!this.#faults.delete(queue)) return;
    this.#logger.info('rows of an outbox go to their queue again', { outbox: this.#outbox, queue });
  }

  /** Another relay goes on. */
  clear(): void {
    this.#faults.clear();
  }
}
