import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { freePort, runProgram } from '@querator/tooling-processes';
import { installPacked, linkOther, type Packed, unpack } from './install-packed.ts';
import { RunningProgram } from './running-program.ts';

/** The name under which the example becomes a package of somebody else. */
const NAME = '@acme/querator-storage';

const MANIFEST = {
  ...{ name: NAME, version: '1.0.0', type: 'module', exports: './dist/index.js', files: ['dist'] },
  dependencies: { '@querator/core': '*' },
};

const COMPILER = {
  compilerOptions: {
    ...{ target: 'es2023', module: 'nodenext', strict: true, types: ['node'], declaration: true },
    ...{ rewriteRelativeImportExtensions: true, rootDir: 'src', outDir: 'dist' },
  },
  include: ['src'],
};

const REPLY_RETRY = 454;

/**
 * Copies the example of a driver out of the repository, as somebody else's package. There it is
 * built, passes the contract suite, and runs the benchmark, all with the packed tarballs. Then it is
 * packed itself and installed beside a configuration file, and a packed server in another folder
 * loads it by name.
 *
 * @param folder an empty one.
 * @returns the faults.
 */
export async function proveThirdPartyDriver(packed: Packed, folder: string): Promise<string[]> {
  const driver = join(folder, 'driver');
  const faults = await buildDriver(packed, driver);
  if (faults.length > 0) return faults;
  const site = join(folder, 'site');
  await installDriver(packed, { driver, site });
  const server = join(folder, 'server');
  mkdirSync(server);
  await installPacked(['server'], server, packed);
  return serve({ server, site });
}

/** Makes the package of the driver, and tests it. @returns the faults. */
async function buildDriver(packed: Packed, driver: string): Promise<string[]> {
  const example = join(packed.root, 'examples/storage-sqlite');
  for (const part of ['src', 'test']) cpSync(join(example, part), join(driver, part), { recursive: true });
  writeFileSync(join(driver, 'package.json'), JSON.stringify(MANIFEST));
  writeFileSync(join(driver, 'tsconfig.json'), JSON.stringify(COMPILER));
  await installPacked(['core', 'storage-conformance'], driver, packed);
  for (const tool of ['vitest', 'typescript', '@types/node']) {
    linkOther('storage-conformance', tool, driver, packed);
  }
  const bench = 'node_modules/@querator/storage-conformance/dist/bench/main.js';
  const options = JSON.stringify({ path: join(driver, 'bench.db') });
  const short = ['--seconds', '0.2', '--batches', '1,10', '--concurrency', '2'];
  const steps: readonly (readonly string[])[] = [
    [join(packed.root, 'node_modules/.bin/tsc'), '-p', '.'],
    ['node', 'node_modules/vitest/vitest.mjs', 'run', '--root', '.'],
    ['node', bench, './dist/index.js', '--options', options, ...short],
  ];
  for (const [program = '', ...args] of steps) {
    const ran = await runProgram(program, args, { cwd: driver });
    if (ran.code !== 0) return [`${program} ${args.join(' ')}: ${ran.output.slice(-4_000)}`];
    if (args[0] === bench && !/^complete +10 +2 +[1-9]/m.test(ran.stdout)) return [`bench: ${ran.output}`];
  }
  return [];
}

/** Installs the driver beside a configuration, with its own copy of core, as npm would. */
async function installDriver(
  packed: Packed,
  { driver, site }: { readonly driver: string; readonly site: string },
): Promise<void> {
  const done = await runProgram('pnpm', ['pack', '--json', '--pack-destination', driver], { cwd: driver });
  if (done.code !== 0) throw new Error(done.output);
  const { filename } = JSON.parse(done.stdout) as { filename: string };
  await unpack(resolve(driver, filename), join(site, 'node_modules', NAME));
  await installPacked(['core'], site, packed);
  const storage = { name: 'main', driver: NAME, config: { path: join(site, 'queue.db') } };
  const config = { logging: { handler: 'json' }, 'partition-storage': [storage] };
  writeFileSync(join(site, 'querator.yaml'), JSON.stringify(config));
}

/** Uses the driver by a real server, with one process and with two. @returns the faults. */
async function serve({
  server,
  site,
}: {
  readonly server: string;
  readonly site: string;
}): Promise<string[]> {
  const address = `127.0.0.1:${await freePort()}`;
  const call = async (path: string, body?: object) => {
    const reply = await fetch(`http://${address}${path}`, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json' },
    });
    return { status: reply.status, json: (await reply.json()) as Record<string, unknown> };
  };
  const start = async (workers: number): Promise<RunningProgram> => {
    const main = 'node_modules/@querator/server/dist/main.js';
    const args = [
      '--config',
      join(site, 'querator.yaml'),
      '--address',
      address,
      '--workers',
      String(workers),
    ];
    const program = new RunningProgram([main, 'server', ...args], server);
    if (await program.wrote('HTTP server started')) return program;
    await program.end('SIGKILL');
    throw new Error(`the server did not start: ${program.output}`);
  };
  const timeouts = { leaseTimeout: '1m', expireTimeout: '1h' };
  const faults: string[] = [];
  const expectReply = (
    what: string,
    { status, json }: Awaited<ReturnType<typeof call>>,
    expected: number,
  ) => {
    if (status !== expected) faults.push(`${what}: ${status} ${JSON.stringify(json)}`);
    return json;
  };

  const first = await start(1);
  try {
    const health = expectReply('health', await call('/health'), 200);
    if (!JSON.stringify(health).includes('"capabilities":["durable","shared","extend"]')) {
      faults.push(`health shows other capabilities: ${JSON.stringify(health)}`);
    }
    const queue = { queueName: 'mail', requestedPartitions: 1, ...timeouts };
    expectReply('create', await call('/v1/queues.create', queue), 200);
    const items = [{ utf8: 'hello', kind: 'greeting' }];
    const produced = await call('/v1/queue.produce', { queueName: 'mail', requestTimeout: '5s', items });
    expectReply('produce', produced, 200);
    // Another program has the file. The driver's error has another class than the server's own, and is recognised.
    const other = new DatabaseSync(join(site, 'queue.db'));
    other.exec('begin immediate');
    const refused = await call('/v1/queues.create', { ...queue, queueName: 'refused' });
    expectReply('create, while the file is locked', refused, REPLY_RETRY);
    other.exec('rollback');
    other.close();
  } finally {
    await first.end('SIGTERM');
  }

  const second = await start(2);
  try {
    const leased = await call('/v1/queue.lease', {
      ...{ queueName: 'mail', clientId: 'c', batchSize: 1, requestTimeout: '5s' },
    });
    const { items } = expectReply('lease', leased, 200);
    if (!JSON.stringify(items).includes('greeting')) faults.push(`leased ${JSON.stringify(items)}`);
  } finally {
    await second.end('SIGTERM');
  }
  return faults;
}
