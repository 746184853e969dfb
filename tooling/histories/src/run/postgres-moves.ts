import { SeededRandom } from '@querator/core/testing';
import { ITEMS_STORAGE } from '@querator/tooling-processes';
import type { MovedItems } from '../history/history.ts';
import type { CallTimes } from '../history/http-calls.ts';
import { httpItemMoveCalls } from '../history/http-item-move-calls.ts';
import { httpMoveCalls } from '../history/http-move-calls.ts';
import type { Recorder } from '../history/recorder.ts';
import { ItemMover } from './item-mover.ts';
import { PartitionMover } from './partition-mover.ts';
import { spreadSeed } from './spread-seed.ts';
import { SECOND_STORAGE, type Stage } from './stage.ts';

/** The longest pause between two moves of partitions. */
const BETWEEN_MOVES_MS = 1_000;

/** Whether a run has moves: one of two consecutive seeds, the first of them odd, and runs of each kind. */
export function hasMoves(seed: number): boolean {
  const pair = Math.floor((seed - 1) / 2) % 4;
  return (seed % 2 === 1) === pair < 2;
}

/** What moves in a run. */
export interface PostgresMovesOptions {
  readonly recorder: Recorder;
  readonly seed: number;
  readonly times: CallTimes;
  /** The partitions of the queue `q`. */
  readonly partitions: number;
  /** Whether there is the queue `dead`. */
  readonly letters: boolean;
}

/** Partitions that move between two storages, and items that move between two queues, on several servers. */
export class PostgresMoves {
  readonly #partitions: PartitionMover;
  readonly #items: ItemMover;

  constructor({ instances }: Stage, { recorder, seed, times, partitions, letters }: PostgresMovesOptions) {
    const urls = instances.map(({ url }) => url);
    this.#items = new ItemMover(urls.map((url) => httpItemMoveCalls(url, times)));
    this.#partitions = new PartitionMover({
      ...{ recorder, calls: urls.map((url) => httpMoveCalls(url, times)) },
      places: [
        ...Array.from({ length: partitions }, (_, partition) => ({ queueName: 'q', partition })),
        ...(letters ? [{ queueName: 'dead', partition: 0 }] : []),
        ...this.#items.places,
      ],
      ...{ storages: [ITEMS_STORAGE, SECOND_STORAGE], pauseMs: BETWEEN_MOVES_MS },
      random: new SeededRandom(spreadSeed(seed, 700)),
    });
  }

  /** Begins to move. Call it before the faults. */
  async begin(): Promise<void> {
    await this.#items.begin();
    this.#partitions.start();
  }

  /** Ends, once the moves that run have ended. @throws the first error that no client should get. */
  async stop(): Promise<void> {
    await this.#partitions.stop();
    await this.#items.stop();
  }

  /** The items that have moved. Undefined: a task did not end in time. Call it after `stop`. */
  finish(): Promise<MovedItems | undefined> {
    return this.#items.finish();
  }
}
