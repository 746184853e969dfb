/** Runs one piece of work, when its turn has come. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Looks that no request waits for take turns, whichever partition they are
 * for, so that they have one connection of a pool among them and no more.
 */
export class LookTurns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when all that was asked for before has ended. */
  readonly take: InTurn = (work) => {
    const turn = this.#last.then(() => work());
    this.#last = turn.catch(() => {});
    return turn;
  };
}
