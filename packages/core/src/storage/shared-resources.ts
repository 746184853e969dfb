/**
 * What the storages of one program share, such as a pool of connections to a database that
 * several of them use. A program makes one object and gives it to all its storages.
 *
 * It closes nothing: a resource ends with the last storage that uses it.
 */
export class SharedResources {
  readonly #resources = new Map<unknown, unknown>();

  /**
   * The resource of a class.
   *
   * @param kind the class. It is the key.
   * @param create called for the first storage that asks.
   */
  of<Resource>(kind: abstract new (...args: never[]) => Resource, create: () => Resource): Resource {
    if (!this.#resources.has(kind)) this.#resources.set(kind, create());
    return this.#resources.get(kind) as Resource;
  }
}
