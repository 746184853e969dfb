/**
 * Looks at things by their names, where many may want the same look at once. A
 * look that began before somebody asked may not see what they ask for: they
 * share the one after it, unless it has come to nothing.
 */
export class SharedLooks {
  readonly #look: (name: string) => Promise<boolean>;
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #next = new Map<string, Promise<boolean>>();

  /** @param look fulfilled with whether it came to an end. Never rejects. */
  constructor(look: (name: string) => Promise<boolean>) {
    this.#look = look;
  }

  /** @returns whether a look came to an end that began after the call. Never rejects. */
  at(name: string): Promise<boolean> {
    const running = this.#running.get(name);
    if (running === undefined) return this.#begin(name);
    let next = this.#next.get(name);
    if (next === undefined) {
      next = running.then((cameToAnEnd) => {
        this.#next.delete(name);
        // While storage is down a second look would take as long, and end like the first.
        return cameToAnEnd ? this.#begin(name) : false;
      });
      this.#next.set(name, next);
    }
    return next;
  }

  #begin(name: string): Promise<boolean> {
    const running = this.#look(name).finally(() => {
      if (this.#running.get(name) === running) this.#running.delete(name);
    });
    this.#running.set(name, running);
    return running;
  }
}
