import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { liveHeapBytes } from './inspected-heap.ts';

/** A server in a process of its own, as it would run in production: the built one. */
export interface ServerProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Bytes that live on its heap. @throws Error where it was not started to be inspected. */
  liveHeap(): Promise<number>;
  stop(): Promise<void>;
}

/** A machine that is busy with other things may take long. */
const START_LIMIT_MS = 60_000;

/** Which server to start, and on what. */
export interface ServerProcessOptions {
  /** A database; absent: items are kept in memory. */
  readonly connectionString?: string | undefined;
  readonly maxConns: number;
  /** A checkout whose built server it is to be; absent: this one. */
  readonly checkout?: string | undefined;
  /** Whether its heap can be looked at. */
  readonly inspected?: boolean | undefined;
}

/** Starts a built server. @throws Error when it does not answer within a minute. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { connectionString, maxConns, checkout } = options;
  const main = serverProgram(checkout);
  const folder = await mkdtemp(join(tmpdir(), 'querator-bench-'));
  const port = await freePort();
  const storage =
    connectionString === undefined
      ? { driver: 'memory' }
      : { driver: 'postgres', config: { 'connection-string': connectionString, 'max-conns': maxConns } };
  const config = {
    address: `127.0.0.1:${port}`,
    logging: { handler: 'json', level: 'warn' },
    'queue-storage': storage,
    'partition-storage': [{ name: storage.driver, ...storage }],
  };
  const file = join(folder, 'config.yaml');
  // JSON is YAML; the mode keeps the password to us.
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });

  const inspector = options.inspected ? await freePort() : undefined;
  const flags =
    inspector === undefined ? [] : [`--inspect=127.0.0.1:${inspector}`, '--inspect-publish-uid=http'];
  const child = spawn(process.execPath, [...flags, main, 'server', '--config', file], { stdio: 'inherit' });
  const liveHeap = async () => {
    if (inspector === undefined) throw new Error('this server was not started to be inspected');
    return liveHeapBytes(inspector);
  };
  // Should this process be ended before it has stopped the server.
  const kill = () => child.kill();
  process.once('exit', kill);
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    process.off('exit', kill);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilHealthy(url, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, port, pid: child.pid as number, liveHeap, stop };
}

function serverProgram(checkout: string | undefined): string {
  const folder =
    checkout === undefined
      ? dirname(createRequire(import.meta.url).resolve('@querator/server/package.json'))
      : join(checkout, 'apps/server');
  const main = join(folder, 'dist/main.js');
  if (!existsSync(main)) throw new Error(`${main} is missing: build that checkout first`);
  return main;
}

async function untilHealthy(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the server ended with exit code ${child.exitCode}`);
    const reply = await fetch(`${url}/health`).catch(() => undefined);
    if (reply?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the server does not answer');
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
