import { expectFree, parseAddress, reachableAt } from './address.ts';
import { banner } from './banner.ts';
import { untilListening } from './health.ts';
import { otherData } from './other-data.ts';
import { plan, type StartOptions } from './plan.ts';
import { addressIn } from './server-config.ts';
import { type ServerEnd, type ServerProcess, startServer } from './server-process.ts';
import type { StopRequest } from './stop-request.ts';

/** The dependencies of a start. */
export interface StartDeps {
  /** Folder for the generated config and the data. Created if missing. */
  readonly stateDir: string;
  /** The server's built executable. */
  readonly executable: string;
  readonly say: (text: string) => void;
  readonly stop: StopRequest;
}

const DEFAULT_ADDRESS = 'localhost:2319';

/** Stops the server and waits for its end. A second request kills it. */
async function stopServer(server: ServerProcess, { killRequested }: StopRequest): Promise<ServerEnd> {
  const kill = () => server.kill();
  killRequested.addEventListener('abort', kill);
  if (killRequested.aborted) kill();
  server.stop();
  return await server.ended;
}

async function serve(server: ServerProcess, at: string, text: string, deps: StartDeps) {
  const { stop, say } = deps;
  const over = new AbortController();
  const stopRequested = new Promise<undefined>((resolve) => {
    if (stop.stopRequested.aborted) resolve(undefined);
    stop.stopRequested.addEventListener('abort', () => resolve(undefined));
  });
  void untilListening(`http://${at}/health`, AbortSignal.any([over.signal, stop.stopRequested])).then(
    (listening) => {
      if (listening) say(text);
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
  const { stateDir, say } = deps;
  const { args, data, embedded, database } = await plan(options, stateDir, say);
  try {
    if (deps.stop.stopRequested.aborted) return 0;
    const at = reachableAt(address);
    const unused = embedded && otherData(embedded, stateDir, address);
    const greeting = banner({ at, data, otherData: unused });
    return await serve(startServer(deps.executable, args), at, greeting, deps);
  } finally {
    await database?.stop();
  }
}
