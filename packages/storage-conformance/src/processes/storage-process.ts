import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { ProcessSetup } from '../fixture/storage-setup.ts';
import type { Actions } from './actions.ts';
import type { Ask, Reply } from './messages.ts';

/** In this repository the suite runs from its sources, and elsewhere from its build. */
const IS_SOURCE = import.meta.url.endsWith('.ts');
const CHILD = new URL(IS_SOURCE ? './child.ts' : './child.js', import.meta.url);

/** A process of its own that uses the storage of a setup. */
export class StorageProcess {
  readonly #child: ChildProcess;
  /** The ends of running actions. */
  readonly #ends = new Map<number, (reply: Reply) => void>();
  /** Some actions report until the end of the process. */
  readonly #reports = new Map<number, (value: number) => void>();
  readonly #exited: Promise<unknown>;
  #next = 0;

  private constructor(module: string) {
    this.#child = fork(fileURLToPath(CHILD), [module], {
      execArgv: IS_SOURCE ? ['--conditions=@querator/source'] : [],
      // Compiling the modules of a driver takes most of the time of a start.
      env: { NODE_COMPILE_CACHE: join(tmpdir(), 'querator-storage-conformance'), ...process.env },
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#exited = once(this.#child, 'exit');
    this.#child.on('message', (reply: Reply) => {
      if ('reported' in reply) this.#reports.get(reply.id)?.(reply.reported);
      else this.#ends.get(reply.id)?.(reply);
    });
    this.#child.on('exit', () => {
      for (const [id, end] of this.#ends) end({ id, error: 'the process has ended' });
    });
  }

  /** Starts a process and opens the storage. The first call of a store connects. */
  static async start({ module }: ProcessSetup, options: unknown): Promise<StorageProcess> {
    const started = new StorageProcess(String(module));
    await started.#ask('open', [options]);
    return started;
  }

  /** Runs an action there. @param report gets what the action reports meanwhile. */
  run<Action extends keyof Actions>(
    action: Action,
    args: readonly unknown[],
    report?: (value: number) => void,
  ): Promise<Awaited<ReturnType<Actions[Action]>>> {
    return this.#ask(action, args, report) as Promise<Awaited<ReturnType<Actions[Action]>>>;
  }

  /** Ends the process as a crash does: nothing is closed, and nothing is flushed. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  async #ask(
    action: Ask['action'],
    args: readonly unknown[],
    report?: (value: number) => void,
  ): Promise<unknown> {
    const id = this.#next++;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    this.#ends.set(id, resolve);
    if (report !== undefined) this.#reports.set(id, report);
    this.#child.send({ id, action, args } satisfies Ask);
    const reply = await promise;
    this.#ends.delete(id);
    if ('error' in reply) throw new Error(`in the process: ${reply.error}`);
    return 'value' in reply ? reply.value : undefined;
  }
}
