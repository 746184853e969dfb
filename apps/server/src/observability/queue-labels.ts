import { visibleText } from './visible-text.ts';

/** How many queues have their own series. Each series costs memory here and in Prometheus. */
const QUEUES_WITH_SERIES = 1_000;

/** The label of all further queues. No queue has this name: `~` is not allowed in one. */
export const OTHER_QUEUES = '~other';

/**
 * The values of the label `queue`. The first queues have their own names as
 * labels, with invisible characters and backslashes as in JSON. Further queues share
 * one label, until one of the first stops.
 */
export class QueueLabels {
  readonly #labels = new Map<string, string>();
  readonly #limit: number;

  constructor(limit = QUEUES_WITH_SERIES) {
    this.#limit = limit;
  }

  /** The label of a queue. */
  of(queue: string): string {
    const known = this.#labels.get(queue);
    if (known !== undefined) return known;
    if (this.#labels.size >= this.#limit) return OTHER_QUEUES;
    // With its backslashes escaped, no name looks like another one whose characters are.
    const label = visibleText(queue.replaceAll('\\', '\\\\'));
    this.#labels.set(queue, label);
    return label;
  }

  /** Removes the queues that do not run any more. @returns their labels. */
  keepOnly(running: { has(queue: string): boolean }): readonly string[] {
    const gone = [...this.#labels].filter(([queue]) => !running.has(queue));
    for (const [queue] of gone) this.#labels.delete(queue);
    return gone.map(([, label]) => label);
  }
}
