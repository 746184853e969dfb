import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { atExit } from './exit-cleanup.ts';
import { isAlive, signal } from './process-table.ts';
import { command, type RunAs } from './run-as.ts';

/** What is kept of the output, from its end. */
const OUTPUT_KEPT = 100_000;

/** How a program is started. */
export interface ProgramStart {
  readonly runAs: RunAs;
  readonly program: string;
  readonly args: readonly string[];
  /** In addition to the few variables that every such program gets. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that runs beside PostgreSQL, as an account that is not root. It is killed when this process ends. */
export class BackgroundProgram {
  readonly #start: ProgramStart;
  #child: ChildProcess | undefined;
  #output = '';
  #forgetExit: () => void = () => {};

  private constructor(start: ProgramStart) {
    this.#start = start;
  }

  /** Starts it, and does not wait until it is ready. */
  static start(start: ProgramStart): BackgroundProgram {
    const program = new BackgroundProgram(start);
    program.restart();
    return program;
  }

  /** The end of what it has printed so far. */
  get output(): string {
    return this.#output;
  }

  /** Nothing while it is down. */
  get pid(): number | undefined {
    return this.isRunning ? this.#child?.pid : undefined;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Starts it again, after it has ended. */
  restart(): void {
    const { runAs, program, args, env } = this.#start;
    const { file, args: all, options } = command(runAs, ...inOrder(runAs, program, args));
    const child = spawn(file, all, {
      ...options,
      env: { ...options.env, ...env },
      // In a group of its own: Ctrl-C in the terminal reaches this process only, which ends it in order.
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

  /** SIGKILL; resolves when it is gone. What it has started itself goes on. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    const gone = once(child, 'exit');
    signal(child.pid as number, 'SIGKILL');
    await gone;
    this.#forgetExit();
  }

  /** Ends it with SIGTERM, and with SIGKILL where that takes too long. */
  async stop(limitMs: number): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    const gone = once(child, 'exit');
    const timer = setTimeout(() => killGroup(child), limitMs);
    signal(child.pid as number, 'SIGTERM');
    await gone;
    clearTimeout(timer);
    this.#forgetExit();
  }
}

/**
 * What `setpriv` sends when this process is killed outright is SIGINT, for
 * PostgreSQL. Other programs end in good order on SIGTERM: Patroni also ends
 * the PostgreSQL that it has started.
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
