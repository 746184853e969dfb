import type { PgBoss } from 'pg-boss';
import type { Held, Target } from '../workload/work.ts';

/** Fetched jobs. */
export interface BossHeld extends Held {
  readonly ids: string[];
}

/** pg-boss in its user's own process, without a server, as it is used. */
export class BossTarget implements Target<BossHeld> {
  readonly #boss: PgBoss;
  readonly #queue: string;
  readonly #batch: number;
  readonly #data: { readonly text: string };

  constructor(
    boss: PgBoss,
    options: { readonly queue: string; readonly batch: number; readonly payloadBytes: number },
  ) {
    this.#boss = boss;
    this.#queue = options.queue;
    this.#batch = options.batch;
    this.#data = { text: 'a'.repeat(options.payloadBytes) };
  }

  async produce(): Promise<void> {
    if (this.#batch === 1) await this.#boss.send(this.#queue, this.#data);
    else {
      const jobs = Array.from({ length: this.#batch }, () => ({ data: this.#data }));
      await this.#boss.insert(this.#queue, jobs);
    }
  }

  async lease(): Promise<BossHeld | undefined> {
    const jobs = await this.#boss.fetch(this.#queue, { batchSize: this.#batch });
    return jobs.length === 0 ? undefined : { count: jobs.length, ids: jobs.map(({ id }) => id) };
  }

  async complete(_: number, { ids }: BossHeld): Promise<void> {
    await this.#boss.complete(this.#queue, ids);
  }

  hold(_: number, ids: readonly string[]): BossHeld {
    return { count: ids.length, ids: [...ids] };
  }

  async bare(): Promise<void> {
    await this.#boss.getDb().executeSql('SELECT 1', []);
  }
}
