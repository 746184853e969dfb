import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { runProgram } from '@querator/tooling-processes';
import { describe, expect, it } from 'vitest';

const bootstrap = fileURLToPath(new URL('../../bootstrap/run.mjs', import.meta.url));
/** Ends before the installation, so it changes nothing in the clone. */
const npmStart = (...args: string[]) => runProgram(process.execPath, [bootstrap, 'start', ...args]);

describe('the command line of npm start', () => {
  it('lists the storages and options', async () => {
    const { code, stdout } = await npmStart('--help');
    expect(code).toBe(0);
    expect(stdout).toContain('on SQLite, data in .querator/sqlite');
    for (const flag of ['--postgres', '--memory', '--config', '--address']) expect(stdout).toContain(flag);
  });

  it.each([
    ['--memory --postgres', '--memory and --postgres exclude each other.'],
    ['--postgres --config own.yaml', '--postgres and --config exclude each other.'],
    ['--memory --config own.yaml', '--memory and --config exclude each other.'],
    ['--sqlite', "Unknown option '--sqlite'"],
  ])('refuses %s', async (args, message) => {
    const { code, output } = await npmStart(...args.split(' '));
    expect(code).toBe(1);
    expect(output).toContain(message);
    expect(output).toContain('npm start -- --help');
  });
});
