import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mustRun, runProgram } from '@querator/tooling-processes';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const requirements = fileURLToPath(new URL('../python/requirements.txt', import.meta.url));
/** In the clone's folder for tools, which git ignores. */
const environment = join(root, '.tools/python-clients');

/** The folder with the programs of the Python packages, or why there is none. */
export type PythonPrograms = { readonly folder: string } | { readonly missing: string };

/** Installs the Python packages into an environment of their own, unless they are there already. */
export async function installPython(): Promise<PythonPrograms> {
  const wanted = readFileSync(requirements, 'utf8');
  const stamp = join(environment, 'installed.txt');
  const folder = join(environment, 'bin');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return { folder };
  if (!(await answers('python3', ['-c', 'import venv, sys; sys.exit(sys.version_info < (3, 10))']))) {
    return { missing: 'needs Python 3.10 or later with venv' };
  }
  rmSync(environment, { recursive: true, force: true });
  mkdirSync(environment, { recursive: true });
  try {
    await mustRun('python3', ['-m', 'venv', environment]);
    await mustRun(join(folder, 'pip'), [
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '-r',
      requirements,
    ]);
  } catch (error) {
    return { missing: String(error).trim().split('\n').at(-1) ?? '' };
  }
  writeFileSync(stamp, wanted);
  return { folder };
}

/** Whether a program is there, and ends without an error. */
export async function answers(program: string, args: readonly string[]): Promise<boolean> {
  try {
    return (await runProgram(program, args)).code === 0;
  } catch {
    return false;
  }
}
