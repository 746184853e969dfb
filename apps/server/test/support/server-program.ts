import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
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
   * @param env variables besides PATH.
   */
  constructor(args: readonly string[], main: string = MAIN, env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, ['--conditions=@querator/source', main, 'server', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], ...env },
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

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The text of a configuration file that uses one database for everything. */
export function configFileFor(
  connectionString: string,
  { port, maxConns = 4 }: { readonly port: number; readonly maxConns?: number },
): string {
  const storage = {
    driver: 'postgres',
    config: { 'connection-string': connectionString, 'max-conns': maxConns },
  };
  return JSON.stringify({
    address: `127.0.0.1:${port}`,
    logging: { handler: 'json', level: 'info' },
    'queue-storage': storage,
    'partition-storage': [{ name: 'pg', ...storage }],
  });
}
