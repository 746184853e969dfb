import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { freePort } from '@querator/tooling-processes';
import { onTestFinished, vi } from 'vitest';
import type { StartOptions } from '../src/plan.ts';
import { run } from '../src/run.ts';

/** A start under test: its output, the record of the fake server, and how to stop it. */
export interface Started {
  readonly stateDir: string;
  readonly said: string[];
  readonly code: Promise<number>;
  notes(): string[];
  /** The process of the fake server, and its flags. */
  server(): { pid: number; address?: string; config?: string };
  listening(): Promise<void>;
  stop(): void;
  kill(): void;
}

/** A folder for one test, removed after it. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'querator-scratch-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  return folder;
}

/** Whether a process of this id runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** An address on which nothing listens. */
export const onFreePort = async (): Promise<string> => `localhost:${await freePort()}`;

/** Which server `start` runs: the fake one, which may misbehave, or another executable. */
interface Server {
  readonly mode?: '' | 'fails' | 'hangs';
  readonly executable?: string;
}

const FAKE = fileURLToPath(new URL('./fake-server.ts', import.meta.url));

/** Runs `npm start` without npm, by default on the fake server. */
export function start(
  options: Partial<StartOptions>,
  stateDir = scratchFolder(),
  { mode = '', executable = FAKE }: Server = {},
): Started {
  const notesFile = join(scratchFolder(), 'notes');
  vi.stubEnv('FAKE_SERVER_NOTES', notesFile);
  vi.stubEnv('FAKE_SERVER_MODE', mode);
  const [stopRequested, killRequested] = [new AbortController(), new AbortController()];
  const said: string[] = [];
  const code = run(
    { memory: false, postgres: false, ...options },
    {
      stateDir,
      executable,
      say: (text) => void said.push(text),
      stop: { stopRequested: stopRequested.signal, killRequested: killRequested.signal },
    },
  );
  onTestFinished(async () => {
    stopRequested.abort();
    killRequested.abort();
    await code.catch(() => {});
    vi.unstubAllEnvs();
  });
  const notes = () => (existsSync(notesFile) ? readFileSync(notesFile, 'utf8').trimEnd().split('\n') : []);
  return {
    stateDir,
    said,
    code,
    notes,
    server: () => JSON.parse(notes()[0] ?? '{}') as { pid: number },
    listening: () =>
      vi
        .waitUntil(() => said.some((text) => text.includes('listens on')), { timeout: 30_000 })
        .then(() => {}),
    stop: () => stopRequested.abort(),
    kill: () => killRequested.abort(),
  };
}
