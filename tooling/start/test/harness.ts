import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import { run, type StartOptions } from '../src/run.ts';

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

/** Runs `npm start` without npm, on the fake server. */
export function start(options: StartOptions, stateDir = scratchFolder(), mode = ''): Started {
  const notesFile = join(scratchFolder(), 'notes');
  vi.stubEnv('FAKE_SERVER_NOTES', notesFile);
  vi.stubEnv('FAKE_SERVER_MODE', mode);
  const [stopRequested, killRequested] = [new AbortController(), new AbortController()];
  const said: string[] = [];
  const code = run(options, {
    stateDir,
    executable: fileURLToPath(new URL('./fake-server.ts', import.meta.url)),
    say: (text) => void said.push(text),
    stop: { stopRequested: stopRequested.signal, killRequested: killRequested.signal },
  });
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
