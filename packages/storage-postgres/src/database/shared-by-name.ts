/**
 * Objects that several users share by a name. One lives as long as something else
 * refers to it: nobody has to say that it is not needed any more, and queues that come
 * and go leave nothing behind.
 */
export class SharedByName<T extends WeakKey> {
  readonly #objects = new Map<string, WeakRef<T>>();
  readonly #gone: FinalizationRegistry<string>;

  /** @param options `gone`: called some time after the object of a name has gone. */
  constructor({ gone }: { readonly gone?: (name: string) => void } = {}) {
    this.#gone = new FinalizationRegistry((name) => {
      if (this.known(name) !== undefined) return;
      this.#objects.delete(name);
      gone?.(name);
    });
  }

  /** The object of that name. @param make makes it if there is none. */
  of(name: string, make: () => T): T {
    const known = this.known(name);
    if (known !== undefined) return known;
    const made = make();
    this.#objects.set(name, new WeakRef(made));
    this.#gone.register(made, name);
    return made;
  }

  /** The object of that name. Undefined: nothing uses one. */
  known(name: string): T | undefined {
    return this.#objects.get(name)?.deref();
  }

  /** The number of names that take memory. */
  get size(): number {
    return this.#objects.size;
  }
}
