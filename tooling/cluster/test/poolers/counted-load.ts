import type { ServerProgram, Taken } from './server-program.ts';

/** What was acknowledged, item by item. */
export interface Count {
  /** Items whose produce was acknowledged. */
  readonly produced: ReadonlySet<string>;
  /** Items whose produce had an outcome that nobody knows. */
  readonly unknown: ReadonlySet<string>;
  /** How often each was completed, and the completion acknowledged. */
  readonly completed: ReadonlyMap<string, number>;
  /** Items whose completion had an outcome that nobody knows. */
  readonly perhapsCompleted: ReadonlySet<string>;
}

/** How many items go into a request. */
export interface Batches {
  /** A produce has between one and so many. */
  readonly produce: number;
  /** The most that a lease asks for. */
  readonly lease: number;
}

const SMALL: Batches = { produce: 5, lease: 7 };

/** Load on several servers at once, with every acknowledgement counted. */
export class CountedLoad {
  readonly #queue: string;
  readonly #batches: Batches;
  readonly #produced = new Set<string>();
  readonly #unknown = new Set<string>();
  readonly #completed = new Map<string, number>();
  readonly #perhapsCompleted = new Set<string>();
  readonly #running: Promise<void>[] = [];
  #producing = true;
  #consuming = true;

  private constructor(queue: string, batches: Batches) {
    this.#queue = queue;
    this.#batches = batches;
  }

  /** Three producers and three consumers at each. */
  static start(servers: readonly ServerProgram[], queue: string, batches = SMALL): CountedLoad {
    const load = new CountedLoad(queue, batches);
    servers.forEach((server, at) => {
      for (let n = 0; n < 3; n++) {
        load.#running.push(load.#produce(server, `${at}.${n}`), load.#consume(server));
      }
    });
    return load;
  }

  get acknowledged(): number {
    return this.#produced.size;
  }

  get completions(): number {
    return this.#completed.size;
  }

  /** Ends it: no more is produced, and what is there is consumed until `isDone`. */
  async drain(isDone: () => Promise<boolean>): Promise<Count> {
    this.#producing = false;
    while (!(await isDone()));
    this.#consuming = false;
    await Promise.all(this.#running);
    return {
      ...{ produced: this.#produced, unknown: this.#unknown, completed: this.#completed },
      perhapsCompleted: this.#perhapsCompleted,
    };
  }

  async #produce(server: ServerProgram, name: string): Promise<void> {
    for (let n = 0; this.#producing; n++) {
      const texts = Array.from(
        { length: 1 + (n % this.#batches.produce) },
        (_, item) => `${name}.${n}.${item}`,
      );
      const { status } = await server.produce(this.#queue, texts);
      for (const text of texts) (status === 200 ? this.#produced : this.#unknown).add(text);
    }
  }

  async #consume(server: ServerProgram): Promise<void> {
    while (this.#consuming) {
      const items = await server.lease(this.#queue, this.#batches.lease, '500ms');
      if (items.length > 0) await this.#complete(server, items);
    }
  }

  async #complete(server: ServerProgram, items: readonly Taken[]): Promise<void> {
    const { status } = await server.complete(this.#queue, items);
    for (const { text } of items) {
      if (status === 200) this.#completed.set(text, (this.#completed.get(text) ?? 0) + 1);
      else this.#perhapsCompleted.add(text);
    }
  }
}
