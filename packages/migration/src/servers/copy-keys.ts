import { type KeyCounts, KeyImporter, readKeys } from '../items/dedup-keys.ts';
import type { MoveOptions, QueuePair } from './move-options.ts';

/** The dedup keys of a move. */
export class KeyCopies {
  readonly #options: MoveOptions;
  readonly #pairs: readonly QueuePair[];
  readonly #counts = new Map<string, KeyCounts>();

  constructor(options: MoveOptions, pairs: readonly QueuePair[]) {
    this.#options = options;
    this.#pairs = pairs;
  }

  /** What became of the keys of each queue. A key that was copied again counts once. */
  get counts(): ReadonlyMap<string, KeyCounts> {
    return this.#counts;
  }

  /**
   * Stores the keys of producers at the target, with the ids that their items got. The source keeps them: they end
   * there. To be called before the first item moves, so that a producer that changes to the target
   * finds them there, and once more at the end, for those that were stored meanwhile.
   *
   * @throws the error of a call. Then it may be repeated.
   */
  async copy(): Promise<void> {
    for (const { info } of this.#pairs) await this.#copyQueue(info.queueName);
  }

  async #copyQueue(queueName: string): Promise<void> {
    const { from, to } = this.#options;
    const importer = new KeyImporter({ ...this.#options, client: to }, queueName);
    const before = this.#counts.get(queueName);
    let leftOut: KeyCounts['leftOut'];
    for (let cursor = '', isOver = false; !isOver; ) {
      const page = await readKeys({ ...this.#options, client: from }, queueName, cursor);
      if (typeof page === 'string') {
        leftOut = page;
        break;
      }
      for (const key of page.keys) await importer.add(key);
      cursor = page.cursor;
      isOver = cursor === '';
    }
    await importer.flush();
    const { stored, present, leftOut: ignored } = importer.counts;
    this.#counts.set(queueName, {
      stored: stored + (before?.stored ?? 0),
      present: before?.present ?? present,
      leftOut: leftOut ?? ignored,
    });
  }
}
