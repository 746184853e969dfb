import type { MoveRun } from './move-run.ts';

/** The processes that work on the task of a random test: one that has it, and others that were suspended. */
export class RandomMovers {
  /** The process that has the task. */
  run: MoveRun;
  readonly #suspended: MoveRun[] = [];
  readonly #draw: <T>(all: readonly T[]) => T;

  /** @param draw chooses one of them. Returns undefined if there are none. */
  constructor(run: MoveRun, draw: <T>(all: readonly T[]) => T) {
    this.run = run;
    this.#draw = draw;
  }

  async step(): Promise<void> {
    if (this.run.end === undefined) await this.run.step().catch(() => {});
  }

  /** The process is suspended at a step, and another one takes over. */
  async takeOver(): Promise<void> {
    this.#suspended.push(this.run);
    if (this.run.end === undefined) await this.run.step(false).catch(() => {});
    this.run = this.run.takenOver();
  }

  /** A process that was suspended goes on, while another one has the task. */
  async stepOfSuspended(): Promise<void> {
    const stale = this.suspended();
    if (stale?.end === undefined) await stale?.step(false).catch(() => {});
  }

  /** One of those that were suspended. Undefined: the one that has the task, or none. */
  suspended(): MoveRun | undefined {
    const drawn: MoveRun | undefined = this.#draw(this.#suspended);
    return drawn === this.run ? undefined : drawn;
  }
}
