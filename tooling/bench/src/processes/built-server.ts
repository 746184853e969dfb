import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ServerProcess } from '@querator/tooling-processes';

/** Which server to start, and on what. */
export interface BuiltServerOptions {
  /** The server's database; without one it keeps items in memory. */
  readonly connectionString?: string | undefined;
  readonly maxConns: number;
  /** Switches access control on, with this key of the first administrator. */
  readonly adminKey?: string | undefined;
  /** Environment variables. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The checkout whose built server runs; this one by default. */
  readonly checkout?: string | undefined;
}

/**
 * Starts a built server, as it runs in production.
 *
 * @param inspector the port of Node's inspector, where one is wanted.
 */
export function startBuiltServer(options: BuiltServerOptions, inspector?: number): Promise<ServerProcess> {
  const { connectionString, maxConns, checkout, adminKey, env = {} } = options;
  const flags = [`--inspect=127.0.0.1:${inspector}`, '--inspect-publish-uid=http'];
  return ServerProcess.start({
    ...{ storage: connectionString, maxConns, logLevel: 'warn', adminKey, program: serverProgram(checkout) },
    env,
    flags: inspector === undefined ? [] : flags,
  });
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
