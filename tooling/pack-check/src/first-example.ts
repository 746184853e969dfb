import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { freePort, runProgram } from '@querator/tooling-processes';
import type { Manifest } from './contents.ts';

/** What the first example of the client needs: its own package, and those of this repository below it. */
const PACKAGES = ['core', 'protocol', 'client'] as const;
const ENDPOINT = 'http://localhost:2319';
const OUTPUT = 'to ann@example.com: hello';
const PATIENCE_MS = 30_000;

/** The repository, the tarballs by the folder of their package, and an empty folder. */
export interface FirstExample {
  readonly root: string;
  readonly tarballs: ReadonlyMap<string, string>;
  readonly folder: string;
}

/**
 * Installs the packed client in an empty project, and runs the first example of
 * its README there, against the built server. @returns the faults.
 */
export async function runFirstExample({ root, tarballs, folder }: FirstExample): Promise<string[]> {
  for (const name of PACKAGES) {
    const tarball = tarballs.get(name);
    if (tarball === undefined) return [`${name} was not packed`];
    await install(name, tarball, { root, folder });
  }
  const readme = readFileSync(join(root, 'packages/client/README.md'), 'utf8');
  const [, code = ''] = /^```ts\n(.*?)^```$/ms.exec(readme) ?? [];
  const address = `127.0.0.1:${await freePort()}`;
  writeFileSync(join(folder, 'main.mts'), code.replaceAll(ENDPOINT, `http://${address}`));

  const server = start(['apps/server/dist/main.js', 'server', '--address', address], root);
  try {
    if (!(await server.wrote('HTTP server started'))) return [`the server did not start: ${server.output}`];
    const example = start(['main.mts'], folder);
    const isDone = await example.wrote(OUTPUT);
    const ended = example.child.exitCode === null ? once(example.child, 'exit') : undefined;
    example.child.kill('SIGINT');
    await ended;
    return isDone && example.output.trim() === OUTPUT ? [] : [`the example wrote: ${example.output}`];
  } finally {
    server.child.kill();
  }
}

/** Unpacks a tarball as npm would, with the packages that it depends on from this repository's own installation. */
async function install(
  name: string,
  tarball: string,
  { root, folder }: { readonly root: string; readonly folder: string },
): Promise<void> {
  const place = join(folder, 'node_modules/@querator', name);
  mkdirSync(place, { recursive: true });
  await runProgram('tar', ['-xzf', tarball, '-C', place, '--strip-components=1']);
  const { dependencies = {} } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8')) as Manifest;
  for (const dependency of Object.keys(dependencies)) {
    if (dependency.startsWith('@querator/')) continue;
    const link = join(folder, 'node_modules', dependency);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'packages', name, 'node_modules', dependency), link);
  }
}

interface Running {
  readonly child: ChildProcess;
  readonly output: string;
  /** Whether it writes these words before it ends, and in time. */
  wrote(words: string): Promise<boolean>;
}

function start(args: readonly string[], cwd: string): Running {
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  return {
    child,
    get output() {
      return output;
    },
    wrote: (words) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve(false), PATIENCE_MS);
        const end = (found: boolean) => {
          clearTimeout(timer);
          resolve(found);
        };
        child.once('exit', () => end(false));
        for (const stream of [child.stdout, child.stderr]) {
          stream.on('data', (chunk) => {
            output += chunk;
            if (output.includes(words)) end(true);
          });
        }
      }),
  };
}
