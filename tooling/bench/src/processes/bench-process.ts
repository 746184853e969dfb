import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** The commands of a process, by name. */
export type Commands<C> = { readonly [Name in keyof C]: (argument: never) => Promise<unknown> };

/** A command and its answer, as messages. */
export interface Order {
  readonly number: number;
  readonly command: string;
  readonly argument: unknown;
}

export type Answer =
  | { readonly ready: true }
  | { readonly number: number; readonly result: unknown }
  | { readonly number: number; readonly error: string };

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** A process that measures or serves, so that its cost is not the main process's. */
export class BenchProcess<C extends Commands<C>> {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #number = 0;

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    child.on('message', (answer: Answer) => this.#take(answer));
    child.on('exit', (code, signal) => {
      for (const { reject } of this.#pending.values()) reject(new Error(`${name} ended: ${signal ?? code}`));
    });
  }

  /** Starts a module of the bench in a child process. It uses the packages as they are built, like a program of a user. */
  static async start<C extends Commands<C>>(name: string, module: URL): Promise<BenchProcess<C>> {
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
    const child = fork(module, { serialization: 'advanced', stdio: [...stdio], execArgv: [] });
    const ready = once(child, 'message');
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${name} did not start`)));
    await Promise.race([ready, ended]);
    ended.catch(() => {});
    return new BenchProcess<C>(name, child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Runs a command. @throws Error with the child's error. */
  call<Name extends keyof C & string>(
    command: Name,
    argument: Parameters<C[Name]>[0],
  ): Promise<Awaited<ReturnType<C[Name]>>> {
    const number = ++this.#number;
    const order: Order = { number, command, argument };
    return new Promise((resolve, reject) => {
      this.#pending.set(number, { resolve: resolve as (result: unknown) => void, reject });
      this.#child.send(order);
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }

  #take(answer: Answer): void {
    if ('ready' in answer) return;
    const pending = this.#pending.get(answer.number);
    this.#pending.delete(answer.number);
    if ('error' in answer) pending?.reject(new Error(`${this.name}: ${answer.error}`));
    else pending?.resolve(answer.result);
  }
}
