/**
 * `npm run evening`: a server on PostgreSQL with 200,000 items and everything that wakes an operator, to be found and
 * mended in the console or on the command line. Prints how to reach it, then what its clients complain of, until Ctrl-C.
 * The data is removed at the end. Needs a build.
 *
 *   npm run evening -- [--port 2319]
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startTemporaryCluster } from '@querator/tooling-postgres';
import { ServerProcess } from '@querator/tooling-processes';
import { ApiCaller } from './api-caller.ts';
import { EVENING, setScene } from './scene.ts';
import { keepGoing } from './traffic.ts';

/** How often the same complaint of a client is printed. */
const REPEATED_MS = 30_000;

const { values: options } = parseArgs({ options: { port: { type: 'string', default: '2319' } } });
const program = fileURLToPath(new URL('../../../apps/server/dist/main.js', import.meta.url));
const say = (line: string) => process.stdout.write(`${line}\n`);

// The secret of an API key has letters and digits only.
const secret = randomBytes(96)
  .toString('base64')
  .replaceAll(/[^0-9A-Za-z]/g, '')
  .slice(0, 43);
const adminKey = `qtr-evening-${secret}`;
const folder = mkdtempSync(join(tmpdir(), 'querator-evening-'));
const keyFile = join(folder, 'admin-key');
writeFileSync(keyFile, adminKey, { mode: 0o600 });
const stop = new AbortController();
// Not `once`: a listener that is gone does not keep the clean-ups of `atExit` from ending the process before `finally`.
process.on('SIGINT', () => stop.abort());
process.on('SIGTERM', () => stop.abort());

const cluster = await startTemporaryCluster({ settings: { shared_buffers: '256MB', max_wal_size: '1GB' } });
const server = new ServerProcess(Number(options.port), {
  ...{
    storage: cluster.connectionString(),
    program,
    flags: [],
    adminKey,
    audit: true,
    maxConns: 10,
    logLevel: 'warn',
  },
});
try {
  await server.start();
  const admin = new ApiCaller(server.url, adminKey);
  say('Storing 200,000 items. This takes a minute.');
  const scene = await setScene(admin, EVENING);
  say(`Console: ${server.url}/console/`);
  say(`API key of the administrator: ${keyFile}`);
  say(`Command line: export QUERATOR_ENDPOINT=${server.url} QUERATOR_API_KEY_FILE=${keyFile}`);
  say('Ctrl-C ends it. Now the clients go on. They complain of:');
  const said = new Map<string, number>();
  const onComplaint = (client: string, text: string) => {
    // The numbers in it change from one to the next.
    const kind = `${client}: ${text.replaceAll(/[0-9]+/g, '')}`;
    if (Date.now() - (said.get(kind) ?? 0) < REPEATED_MS) return;
    said.set(kind, Date.now());
    say(`${new Date().toISOString()} ${client}: ${text}`);
  };
  const clients = keepGoing(admin, scene, { signal: stop.signal, onComplaint });
  if (!stop.signal.aborted) await once(stop.signal, 'abort');
  await clients;
} finally {
  await server.stop();
  await cluster.stop();
  rmSync(folder, { recursive: true });
}
