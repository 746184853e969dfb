/** How many queues have their own series. Each series costs memory here and in Prometheus. */
const QUEUES_WITH_SERIES = 1_000;

/** The label of all further queues. No queue has this name: `~` is not allowed in one. */
export const OTHER_QUEUES = '~other';

/**
 * The values of the label `queue`. The first queues have their own names as
 * labels. Further queues share one label, until one of the first stops.
 */
export class QueueLabels {
  readonly #names = new Set<string>();
  readonly #limit: number;

  constructor(limit = QUEUES_WITH_SERIES) {
    this.#limit = limit;
  }

  /** The label of a queue. */
  of(queue: string): string {
    if (this.#names.has(queue)) return queue;
    if (this.#names.size >= this.#limit) return OTHER_QUEUES;
    this.#names.add(queue);
    return queue;
  }

  /** Removes the queues that do not run any more. @returns their names. */
  keepOnly(running: { has(queue: string): boolean }): readonly string[] {
    const gone = [...this.#names].filter((queue) => !running.has(queue));
    for (const queue of gone) this.#names.delete(queue);
    return gone;
  }
}
