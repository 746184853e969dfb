import type { History, Lease } from '../history/history.ts';
import type { Allowances } from './allowances.ts';

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Times in which items of a partition may have been hidden from consumers
 * although nobody was given them: taken by a lease that was undone, or locked
 * by a statement that failed. What was passed over in such a time proves
 * nothing.
 */
export class Shadows {
  readonly #history: History;
  readonly #allowances: Allowances;
  readonly #spans = new Map<number, readonly Span[]>();

  constructor(history: History, allowances: Allowances) {
    this.#history = history;
    this.#allowances = allowances;
  }

  /** Whether a shadow falls on a call that concerns the partition. */
  fallOn({ invoked, returned }: { invoked: number; returned: number }, partition: number): boolean {
    const spans = this.#spansOf(partition);
    // The first that ends at or after the beginning of the call is the only one that matters.
    let low = 0;
    let high = spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((spans[middle] as Span).to < invoked) low = middle + 1;
      else high = middle;
    }
    const span = spans[low];
    return span !== undefined && span.from <= returned;
  }

  #spansOf(partition: number): readonly Span[] {
    const known = this.#spans.get(partition);
    if (known !== undefined) return known;
    const { undoMs } = this.#allowances;
    const disturbed = this.#history.disturbances.map(({ from, to }) => ({ from, to: to + undoMs }));
    const undone = this.#history.operations
      .filter((operation) => operation.call === 'lease')
      .filter((lease) => this.#mayHaveBeenUndone(lease, partition))
      .map(({ invoked, returned }) => ({ from: invoked, to: returned + undoMs }));
    const spans = merged([...disturbed, ...undone]);
    this.#spans.set(partition, spans);
    return spans;
  }

  /**
   * A lease that ended without items may have had some fetched for it. One that
   * was served from another partition also, if it was first sent to this one,
   * which it is only told apart from when that one is slow.
   */
  #mayHaveBeenUndone(lease: Lease, partition: number): boolean {
    if (lease.outcome !== 'ok') return true;
    return lease.partition !== partition && lease.returned - lease.invoked >= this.#allowances.slowMs;
  }
}

/** The same times as spans that do not touch, in order. */
function merged(spans: readonly Span[]): readonly Span[] {
  const result: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last !== undefined && span.from <= last.to) {
      result[result.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    } else {
      result.push(span);
    }
  }
  return result;
}
