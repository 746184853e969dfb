import type { StorageSignals } from '@querator/core';
import type { Dice } from './dice.ts';
import type { EngineProcess } from './engine-process.ts';
import type { Scheduler } from './scheduler.ts';

const LATE_MS = 400;
const QUICK_MS = 5;

interface Watch {
  readonly process: EngineProcess;
  readonly topic: string;
  readonly onChange: () => void;
}

/** Delivers change notifications between engines: some late, some twice, some never. */
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

  /** Delivers everything quickly and once from now on. */
  endFaults(): void {
    this.#lossy = false;
  }

  /** The signals of one process. */
  endOf(process: EngineProcess): StorageSignals {
    return {
      listening: true,
      publish: (topic) => {
        process.send('publish', () => this.#publish(process, topic));
      },
      subscribe: (topic, onChange) => {
        const watch = { process, topic, onChange };
        this.#watches.add(watch);
        this.#deliver(watch);
        return () => this.#watches.delete(watch);
      },
    };
  }

  #publish(from: EngineProcess, topic: string): void {
    for (const watch of this.#watches) {
      if (watch.topic !== topic || watch.process === from) continue;
      const copies = this.#lossy ? this.#dice.pick([0, 1, 1, 2]) : 1;
      for (let copy = 0; copy < copies; copy++) this.#deliver(watch);
    }
  }

  #deliver(watch: Watch): void {
    this.#scheduler.after(this.#dice.between(0, this.#lossy ? LATE_MS : QUICK_MS), () => {
      watch.process.receive(() => {
        if (this.#watches.has(watch)) watch.onChange();
      });
    });
  }
}
