import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { atExit } from './exit-cleanup.ts';
import { isAlive, signal } from './process-table.ts';
import { command, type RunAs } from './run-as.ts';

/** Characters kept from the end of the output. */
const OUTPUT_KEPT = 100_000;

/** What to start. */
export interface ProgramStart {
  readonly runAs: RunAs;
  readonly program: string;
  readonly args: readonly string[];
  /** Variables besides those of `command`. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that runs in the background, as an account that is not root. It is killed when this process ends. */
export class BackgroundProgram {
  readonly #start: ProgramStart;
  #child: ChildProcess | undefined;
  #output = '';
  #forgetExit: () => void = () => {};

  private constructor(start: ProgramStart) {
    this.#start = start;
  }

  /** Starts it without waiting until it is ready. */
  static start(start: ProgramStart): BackgroundProgram {
    const program = new BackgroundProgram(start);
    program.restart();
    return program;
  }

  /** The end of its output. */
  get output(): string {
    return this.#output;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.isRunning ? this.#child?.pid : undefined;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Starts it again after it has ended. */
  restart(): void {
    const { runAs, program, args, env } = this.#start;
    const { file, args: all, options } = command(runAs, ...inOrder(runAs, program, args));
    const child = spawn(file, all, {
      ...options,
      env: { ...options.env, ...env },
      // In its own process group, so that Ctrl-C in the terminal reaches only this process, which ends the program.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#forgetExit = atExit(() => killGroup(child));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output = `${this.#output}${chunk}`.slice(-OUTPUT_KEPT);
      });
    }
    child.once('error', (error) => {
      this.#output += `\n${error.message}`;
    });
  }

  /** Sends SIGKILL to it, and not to its children. Resolves when it has ended. */
  kill(): Promise<void> {
    return this.#end(({ pid }) => signal(pid as number, 'SIGKILL'));
  }

  /** Sends SIGKILL to it and its children. Resolves when it has ended. */
  killAll(): Promise<void> {
    return this.#end(killGroup);
  }

  /** Ends it with SIGTERM, or after `limitMs` with SIGKILL to it and its children. */
  async stop(limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await this.#end((child) => {
      timer = setTimeout(() => killGroup(child), limitMs);
      signal(child.pid as number, 'SIGTERM');
    });
    clearTimeout(timer);
  }

  async #end(send: (child: ChildProcess) => void): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    const gone = once(child, 'exit');
    send(child);
    await gone;
    this.#forgetExit();
  }
}

/**
 * At the end of this process `setpriv` sends SIGINT, which suits PostgreSQL. Other
 * programs end orderly on SIGTERM; Patroni then also stops its PostgreSQL.
 */
function inOrder(
  { prefix }: RunAs,
  program: string,
  args: readonly string[],
): readonly [program: string, args: readonly string[]] {
  return prefix.includes('--pdeathsig')
    ? ['setpriv', ['--pdeathsig', 'TERM', '--', program, ...args]]
    : [program, args];
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined || !isAlive(pid)) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
