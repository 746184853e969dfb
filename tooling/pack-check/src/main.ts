/**
 * Packs every public package as for publication and checks the tarball: the
 * files that its manifest names, then publint and are-the-types-wrong. pnpm
 * packs, since it also replaces `workspace:` and `catalog:`. With these tarballs it then
 * runs the first example of the client's README, and a driver of somebody else. Build first.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { runProgram } from '@querator/tooling-processes';
import { type Manifest, missingFiles } from './contents.ts';
import { runFirstExample } from './first-example.ts';
import type { Packed } from './install-packed.ts';
import { proveThirdPartyDriver } from './third-party-driver.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const bin = fileURLToPath(new URL('../node_modules/.bin', import.meta.url));

function publicPackages(): string[] {
  const folders = ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => join(root, group, name)),
  );
  return folders.filter((folder) => {
    const manifest = join(folder, 'package.json');
    if (!existsSync(manifest)) return false;
    return !(JSON.parse(readFileSync(manifest, 'utf8')) as { private?: boolean }).private;
  });
}

async function pack(folder: string, target: string): Promise<string> {
  const packed = await runProgram('pnpm', ['pack', '--json', '--pack-destination', target], { cwd: folder });
  if (packed.code !== 0) throw new Error(packed.output);
  const { filename } = JSON.parse(packed.stdout) as { filename: string };
  return filename;
}

/** Checks one tarball. @returns its faults. */
async function check(tarball: string): Promise<string[]> {
  const [list, manifestText] = await Promise.all([
    runProgram('tar', ['-tzf', tarball]),
    runProgram('tar', ['-xzOf', tarball, 'package/package.json']),
  ]);
  const files = new Set(list.stdout.split('\n').filter(Boolean));
  const problems = missingFiles(JSON.parse(manifestText.stdout) as Manifest, files);
  const publint = await runProgram(join(bin, 'publint'), ['run', tarball, '--strict']);
  if (publint.code !== 0) problems.push(publint.output);
  const flags = [
    '--profile',
    'esm-only',
    '--no-definitely-typed',
    '--no-emoji',
    '--no-color',
    '--format',
    'ascii',
  ];
  const attw = await runProgram(join(bin, 'attw'), [tarball, ...flags]);
  if (attw.code !== 0) problems.push(attw.output);
  return problems;
}

const target = mkdtempSync(join(tmpdir(), 'querator-pack-'));
process.once('exit', () => rmSync(target, { recursive: true, force: true }));
let failed = 0;
const tarballs = new Map<string, string>();

function report(name: string, problems: readonly string[]): void {
  process.stdout.write(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${name}\n`);
  for (const problem of problems)
    process.stdout.write(`     ${problem.trim().replaceAll('\n', '\n     ')}\n`);
  if (problems.length > 0) failed++;
}

for (const folder of publicPackages()) {
  const checked = pack(folder, target).then((tarball) => {
    tarballs.set(basename(folder), tarball);
    return check(tarball);
  });
  report(folder.slice(root.length), await checked.catch((error: Error) => [error.message]));
}

async function prove(
  name: string,
  run: (packed: Packed, folder: string) => Promise<string[]>,
): Promise<void> {
  const folder = mkdtempSync(join(target, 'project-'));
  report(name, await run({ root, tarballs }, folder).catch((error: Error) => [error.message]));
}

await prove('the first example of the client', runFirstExample);
await prove('a driver of somebody else', proveThirdPartyDriver);
process.exitCode = failed > 0 ? 1 : 0;
