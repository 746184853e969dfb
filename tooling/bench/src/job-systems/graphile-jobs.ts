import { Logger, makeWorkerUtils, run, type WorkerUtils } from 'graphile-worker';
import type { JobSystem, WorkersOptions } from './job-system.ts';

const quiet = new Logger(() => () => {});

/** graphile-worker, whose jobs wake its workers by LISTEN and NOTIFY. */
export class GraphileJobs implements JobSystem {
  readonly #utils: WorkerUtils;
  readonly #connectionString: string;
  readonly #task: string;
  readonly #maxConns: number;
  readonly #data: { readonly text: string };

  private constructor(utils: WorkerUtils, connectionString: string, options: GraphileOptions) {
    this.#utils = utils;
    this.#connectionString = connectionString;
    this.#task = options.queue;
    this.#maxConns = options.maxConns;
    this.#data = { text: 'a'.repeat(options.payloadBytes) };
  }

  static async start(connectionString: string, options: GraphileOptions): Promise<GraphileJobs> {
    const utils = await makeWorkerUtils({ connectionString, maxPoolSize: options.maxConns, logger: quiet });
    await utils.migrate();
    return new GraphileJobs(utils, connectionString, options);
  }

  async add(): Promise<void> {
    await this.#utils.addJob(this.#task, this.#data);
  }

  async work({ concurrency, handler, done }: WorkersOptions): Promise<() => Promise<void>> {
    const runner = await run({
      ...{ connectionString: this.#connectionString, concurrency, maxPoolSize: this.#maxConns },
      ...{ logger: quiet, noHandleSignals: true, parsedCronItems: [] },
      taskList: { [this.#task]: handler },
    });
    // Told once the job is removed from its table.
    runner.events.on('job:complete', done);
    return () => runner.stop();
  }

  async close(): Promise<void> {
    await this.#utils.release();
  }
}

/** The name of the jobs, and what the connections may take. */
export interface GraphileOptions {
  readonly queue: string;
  readonly payloadBytes: number;
  readonly maxConns: number;
}
