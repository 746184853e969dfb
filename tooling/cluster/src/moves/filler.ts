import type { Load, LoadedServer } from '@querator/tooling-load';

/** Items of one produce. */
const BATCH = 1_000;
/** The characters of a reference, and of the payload. */
const LENGTH = 50;

/** Fills a queue of a load with items that wait. */
export class Filler {
  readonly #load: Load;
  readonly #servers: readonly LoadedServer[];
  readonly #queue: string;
  #named = 0;

  constructor(load: Load, servers: readonly LoadedServer[], queue: string) {
    this.#load = load;
    this.#servers = servers;
    this.#queue = queue;
  }

  /** Produces at least this many items, through all servers. @throws Error if a produce is not acknowledged. */
  async add(items: number): Promise<void> {
    let missing = Math.ceil(items / BATCH);
    await Promise.all(
      this.#servers.map(async (server) => {
        while (missing > 0) {
          missing--;
          const names = Array.from({ length: BATCH }, () => `filler-${this.#named++}-`.padEnd(LENGTH, '.'));
          const answer = await this.#load.produceOnce(server, names, { queue: this.#queue });
          if (answer?.status !== 200) throw new Error(`produce: ${answer?.status} ${answer?.message}`);
        }
      }),
    );
  }
}
