import { PgBoss } from 'pg-boss';
import type { JobSystem, WorkersOptions } from './job-system.ts';

/** A pause of a worker that found nothing. Its own workers pause for half a second at least. */
const PAUSE_MS = 2;

/** pg-boss with workers that fetch one job each, as fast as they can. */
export class BossJobs implements JobSystem {
  readonly #boss: PgBoss;
  readonly #queue: string;
  readonly #data: { readonly text: string };

  private constructor(boss: PgBoss, queue: string, payloadBytes: number) {
    this.#boss = boss;
    this.#queue = queue;
    this.#data = { text: 'a'.repeat(payloadBytes) };
  }

  static async start(
    connectionString: string,
    {
      queue,
      payloadBytes,
      maxConns,
    }: { readonly queue: string; readonly payloadBytes: number; readonly maxConns: number },
  ): Promise<BossJobs> {
    const boss = new PgBoss({ connectionString, max: maxConns, supervise: false, schedule: false });
    boss.on('error', (error) => process.stderr.write(`pg-boss: ${error}\n`));
    await boss.start();
    await boss.createQueue(queue);
    return new BossJobs(boss, queue, payloadBytes);
  }

  async add(): Promise<void> {
    await this.#boss.send(this.#queue, this.#data);
  }

  async work({ concurrency, handler, done }: WorkersOptions): Promise<() => Promise<void>> {
    let stopped = false;
    const one = async () => {
      while (!stopped) {
        const [job] = await this.#boss.fetch(this.#queue);
        if (job === undefined) {
          await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
          continue;
        }
        await handler();
        await this.#boss.complete(this.#queue, job.id);
        done();
      }
    };
    const all = Promise.all(Array.from({ length: concurrency }, one));
    return async () => {
      stopped = true;
      await all;
    };
  }

  close(): Promise<void> {
    return this.#boss.stop({ graceful: false });
  }
}
