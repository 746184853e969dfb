import type { StorageSignals } from '@querator/core';
import type { Dice } from './dice.ts';
import type { EngineProcess } from './engine-process.ts';
import type { Scheduler } from './scheduler.ts';

const LATE_MS = 400;
const QUICK_MS = 5;

interface Watch {
  readonly process: EngineProcess;
  readonly topic: string;
  readonly heard: () => void;
}

/** Carries word between engines: some of it late, some of it twice, some of it never. */
export class SignalHub {
  readonly #scheduler: Scheduler;
  readonly #dice: Dice;
  readonly #watches = new Set<Watch>();
  #lossy: boolean;

  constructor(scheduler: Scheduler, dice: Dice, lossy: boolean) {
    this.#scheduler = scheduler;
    this.#dice = dice;
    this.#lossy = lossy;
  }

  /** From now on all arrives, soon and once. */
  clearUp(): void {
    this.#lossy = false;
  }

  /** The end that a process holds. */
  endOf(process: EngineProcess): StorageSignals {
    return {
      listening: true,
      publish: (topic) => {
        process.send('tell', () => this.#tell(process, topic));
      },
      subscribe: (topic, heard) => {
        const watch = { process, topic, heard };
        this.#watches.add(watch);
        this.#deliver(watch);
        return () => this.#watches.delete(watch);
      },
    };
  }

  #tell(from: EngineProcess, topic: string): void {
    for (const watch of this.#watches) {
      if (watch.topic !== topic || watch.process === from) continue;
      const copies = this.#lossy ? this.#dice.pick([0, 1, 1, 2]) : 1;
      for (let copy = 0; copy < copies; copy++) this.#deliver(watch);
    }
  }

  #deliver(watch: Watch): void {
    this.#scheduler.after(this.#dice.between(0, this.#lossy ? LATE_MS : QUICK_MS), () => {
      watch.process.hear(() => {
        if (this.#watches.has(watch)) watch.heard();
      });
    });
  }
}
