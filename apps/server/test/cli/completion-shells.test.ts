import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { programEnvironment } from '@querator/tooling-processes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startInProcess, Terminal } from './support/terminal.ts';

/** How a shell is asked, without a terminal, what it offers after a line. Its output has a word in each line. */
const SHELLS = {
  zsh: (words: readonly string[]) => [
    '-fc',
    `compdef() { : }
    compadd() { shift; print -rl -- "$@" }
    _files() { print 'a file' }
    source <(querator completion zsh)
    words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length}; PREFIX='${words.at(-1)}'
    _querator_complete`,
  ],
  fish: (words: readonly string[]) => [
    '--no-config',
    '-c',
    `source (querator completion fish | psub); complete -C '${words.join(' ')}'`,
  ],
};

/** Debian's packages `zsh` and `fish` bring them. */
const installed = (Object.keys(SHELLS) as (keyof typeof SHELLS)[]).filter((shell) =>
  existsSync(`/usr/bin/${shell}`),
);

describe.each(installed)('in a real %s', { timeout: 60_000 }, (shell) => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'querator-completion-'));
    const { stdout } = await new Terminal(startInProcess().fetch).ok(`completion ${shell}`);
    await writeFile(join(folder, 'script'), stdout);
    // In place of the program, whose answers other tests check: it starts in no time.
    const program = `#!/bin/sh
case "$1 $3" in
  "completion "*) cat '${folder}/script' ;;
  "complete-line querator pee") echo peek ;;
  "complete-line querator peek ma") printf 'mail\\nmail-dead\\n' ;;
  "complete-line querator peek a:") printf 'a:b\\na:c\\n' ;;
  "complete-line querator lease --jso") echo --jsonl ;;
esac
`;
    await writeFile(join(folder, 'querator'), program);
    await chmod(join(folder, 'querator'), 0o755);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test.each([
    ['pee', ['peek']],
    ['peek ma', ['mail', 'mail-dead']],
    ['peek a:', ['a:b', 'a:c']],
    ['lease --jso', ['--jsonl']],
  ])('%j is completed', async (line, offered) => {
    const env = { ...programEnvironment(), PATH: `${folder}:${process.env['PATH']}`, HOME: folder };
    const args = SHELLS[shell](['querator', ...line.split(' ')]);
    const { stdout, stderr } = await promisify(execFile)(shell, args, { env });
    expect(stderr).toBe('');
    expect(stdout.trimEnd().split('\n')).toEqual(offered);
  });
});
