/** So many queues get series of their own; a time series for each costs the server that scrapes, too. */
const QUEUES_WITH_SERIES = 1_000;

/** Stands for all others. No queue can have this name: `~` is not allowed in one. */
export const OTHER_QUEUES = '~other';

/**
 * Which value the label `queue` has. The first so many queues stand for
 * themselves; the others share one, until one of the first is gone.
 */
export class QueueLabels {
  readonly #names = new Set<string>();
  readonly #most: number;

  constructor(most = QUEUES_WITH_SERIES) {
    this.#most = most;
  }

  /** The label of a queue. */
  of(queue: string): string {
    if (this.#names.has(queue)) return queue;
    if (this.#names.size >= this.#most) return OTHER_QUEUES;
    this.#names.add(queue);
    return queue;
  }

  /** Forgets the queues that are not at work any more. @returns their names. */
  keepOnly(running: { has(queue: string): boolean }): readonly string[] {
    const gone = [...this.#names].filter((queue) => !running.has(queue));
    for (const queue of gone) this.#names.delete(queue);
    return gone;
  }
}
