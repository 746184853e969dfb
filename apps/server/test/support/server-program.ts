import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { programEnvironment } from '@querator/tooling-processes';
import { expect, vi } from 'vitest';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** A process starts within a second on an idle machine. */
export const PROCESS_PATIENCE = { timeout: 30_000, interval: 50 };

/** `querator server` in its own process, started as a user starts it. */
export class ServerProgram {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  output = '';

  /**
   * @param main the program's file. The file of another clone runs another version.
   * @param env variables besides those of every program of the tests.
   */
  constructor(args: readonly string[], main: string = MAIN, env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, ['--conditions=@querator/source', main, 'server', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...programEnvironment(), ...env },
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (chunk) => {
        this.output += chunk;
      });
    }
  }

  /** Waits until the log has at least `count` lines with these words. */
  async untilLogged(words: string, count = 1): Promise<void> {
    await vi.waitFor(
      () => expect(this.output.split(words).length - 1, this.output).toBeGreaterThanOrEqual(count),
      PROCESS_PATIENCE,
    );
  }

  /** Its exit code, once it has ended. Null if a signal ended it. */
  async ended(): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const [code] = (await once(this.child, 'exit')) as [number | null];
    return code;
  }
}
