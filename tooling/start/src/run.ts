import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expectFree, parseAddress, reachableAt } from './address.ts';
import { banner } from './banner.ts';
import { type Database, startDatabase } from './database.ts';
import { untilListening } from './health.ts';
import { addressIn, writeServerConfig } from './server-config.ts';
import { type ServerEnd, type ServerProcess, startServer } from './server-process.ts';
import type { StopRequest } from './stop-request.ts';

/** The options of `npm start`, which `tooling/bootstrap` reads from the command line. */
export interface StartOptions {
  readonly memory: boolean;
  readonly address?: string;
  /** Absolute path of a config file. */
  readonly config?: string;
}

/** The dependencies of a start. */
export interface StartDeps {
  /** Folder for the generated config and the database. Created if missing. */
  readonly stateDir: string;
  /** The server's built executable. */
  readonly executable: string;
  readonly say: (text: string) => void;
  readonly stop: StopRequest;
}

const DEFAULT_ADDRESS = 'localhost:2319';

interface Plan {
  readonly args: readonly string[];
  readonly data: string;
  readonly database?: Database;
}

async function plan(options: StartOptions, { stateDir, say }: StartDeps): Promise<Plan> {
  const address = options.address === undefined ? [] : ['--address', options.address];
  if (options.config !== undefined) {
    return { args: ['--config', options.config, ...address], data: `as ${options.config} says` };
  }
  if (options.memory) return { args: address, data: 'in memory, gone at exit' };
  mkdirSync(stateDir, { recursive: true });
  const folder = join(stateDir, 'postgres');
  const database = await startDatabase(folder, say);
  const config = join(stateDir, 'server.yaml');
  writeServerConfig(config, database.connectionString);
  const data = `${folder} (PostgreSQL on port ${database.port}; how to connect: ${config})`;
  return { args: ['--config', config, ...address], data, database };
}

/** Stops the server and waits for its end. A second request kills it. */
async function stopServer(server: ServerProcess, { killRequested }: StopRequest): Promise<ServerEnd> {
  const kill = () => server.kill();
  killRequested.addEventListener('abort', kill);
  if (killRequested.aborted) kill();
  server.stop();
  return await server.ended;
}

async function serve(server: ServerProcess, at: string, data: string, deps: StartDeps) {
  const { stop, say } = deps;
  const over = new AbortController();
  const stopRequested = new Promise<undefined>((resolve) => {
    if (stop.stopRequested.aborted) resolve(undefined);
    stop.stopRequested.addEventListener('abort', () => resolve(undefined));
  });
  void untilListening(`http://${at}/health`, AbortSignal.any([over.signal, stop.stopRequested])).then(
    (listening) => {
      if (listening) say(banner({ at, data }));
    },
  );
  const end = await Promise.race([server.ended, stopRequested]);
  over.abort();
  if (end === undefined) {
    const last = await stopServer(server, stop);
    return last.code === 0 || stop.killRequested.aborted ? 0 : (last.code ?? 1);
  }
  say(`The server has ended by itself (${end.signal ?? `exit code ${end.code}`}).`);
  return end.code || 1;
}

/**
 * Runs the server, with its database if it has one, until a stop request or its
 * own exit. Returns the exit code. The server always ends before the database,
 * and both end before this call returns.
 */
export async function run(options: StartOptions, deps: StartDeps): Promise<number> {
  const text = options.address ?? (options.config && addressIn(options.config)) ?? DEFAULT_ADDRESS;
  const address = parseAddress(text);
  if (options.address === undefined && options.config === undefined) {
    return await run({ ...options, address: text }, deps);
  }
  await expectFree(address);
  const { args, data, database } = await plan(options, deps);
  try {
    if (deps.stop.stopRequested.aborted) return 0;
    return await serve(startServer(deps.executable, args), reachableAt(address), data, deps);
  } finally {
    await database?.stop();
  }
}
