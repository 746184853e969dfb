import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expectFree, parseAddress, reachableAt } from './address.ts';
import { banner } from './banner.ts';
import { type Database, startDatabase } from './database.ts';
import { untilListening } from './health.ts';
import { addressIn, writeServerConfig } from './server-config.ts';
import { type ServerEnd, type ServerProcess, startServer } from './server-process.ts';
import type { StopRequest } from './stop-request.ts';

/** What the person asked for; `tooling/bootstrap` reads it from the command line. */
export interface StartOptions {
  readonly memory: boolean;
  readonly address?: string;
  /** Absolute path of a config file. */
  readonly config?: string;
}

/** Everything the start touches outside of itself. */
export interface StartSurroundings {
  /** Folder for the generated config and the database; made when missing. */
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

async function plan(options: StartOptions, { stateDir, say }: StartSurroundings): Promise<Plan> {
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

/** Stops the server, in good order unless someone is in a hurry, and waits for its end. */
async function stopServer(server: ServerProcess, { hurried }: StopRequest): Promise<ServerEnd> {
  const kill = () => server.kill();
  hurried.addEventListener('abort', kill);
  if (hurried.aborted) kill();
  server.stop();
  return await server.ended;
}

async function serve(server: ServerProcess, at: string, data: string, around: StartSurroundings) {
  const { stop, say } = around;
  const over = new AbortController();
  const asked = new Promise<undefined>((resolve) => {
    if (stop.asked.aborted) resolve(undefined);
    stop.asked.addEventListener('abort', () => resolve(undefined));
  });
  void untilListening(`http://${at}/health`, AbortSignal.any([over.signal, stop.asked])).then((listening) => {
    if (listening) say(banner({ at, data }));
  });
  const end = await Promise.race([server.ended, asked]);
  over.abort();
  if (end === undefined) {
    const last = await stopServer(server, stop);
    return last.code === 0 || stop.hurried.aborted ? 0 : (last.code ?? 1);
  }
  say(`The server has ended by itself (${end.signal ?? `exit code ${end.code}`}).`);
  return end.code || 1;
}

/**
 * Runs the server, with its database if it has one, until it is asked to stop
 * or ends by itself. Returns the exit code. Whatever happens, the server ends
 * before the database, and neither outlives this call.
 */
export async function run(options: StartOptions, around: StartSurroundings): Promise<number> {
  const text = options.address ?? (options.config && addressIn(options.config)) ?? DEFAULT_ADDRESS;
  const address = parseAddress(text);
  if (options.address === undefined && options.config === undefined) {
    return await run({ ...options, address: text }, around);
  }
  await expectFree(address);
  const { args, data, database } = await plan(options, around);
  try {
    if (around.stop.asked.aborted) return 0;
    return await serve(startServer(around.executable, args), reachableAt(address), data, around);
  } finally {
    await database?.stop();
  }
}
