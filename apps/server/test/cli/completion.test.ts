import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Fetch } from '@querator/client';
import { programEnvironment } from '@querator/tooling-processes';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { TestServer } from '../support/test-server.ts';
import { commandTree, startInProcess, Terminal } from './support/terminal.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
const completed = async (line: string, through = terminal) => {
  const { stdout, stderr, code } = await through.run(['complete-line', '--', line]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout.split('\n').slice(0, -1);
};

beforeAll(async () => {
  for (const name of ['mail', 'mail-dead', 'orders', 'a:b', '$(touch-x)', 'semi;colon']) {
    await terminal.run(['create', name]);
  }
});
afterAll(() => server.stop());

describe('a line is completed', () => {
  test('with all commands that the help shows', async () => {
    const names = commandTree()
      .createHelp()
      .visibleCommands(commandTree())
      .map((each) => each.name());
    expect(await completed('querator ')).toEqual(names);
    expect(names).not.toContain('complete-line');
    expect(names).toContain('top');
  });

  test.each([
    ['querator pe', ['peek']],
    ['querator task move-', ['move-items', 'move-partition']],
    ['querator task  cancel ', []],
    ['querator nothing ', []],
    ['querator lease --batch', ['--batch-size']],
    ['querator --prof', ['--profile']],
    ['querator lease q --end', ['--endpoint']],
    ['querator lease ma', ['mail', 'mail-dead']],
    ['querator lease mail ', []],
    ['querator lease --timeout 5s -b 3 ord', ['orders']],
    ['querator lease --timeout ', []],
    ['querator --endpoint http://localhost:2319 lease ord', ['orders']],
    ['querator create x --dead-queue mail-', ['mail-dead']],
    ['querator export mail or', ['orders']],
    ['querator task move-items mail or', ['orders']],
    ['querator lease a:', ['a:b']],
  ])('%j', async (line, words) => {
    expect(await completed(line)).toEqual(words);
  });

  test('without names that a shell would obey', async () => {
    expect(await completed('querator lease $')).toEqual([]);
    expect(await completed('querator lease semi')).toEqual([]);
  });

  test('with nothing, and without an error, if there is no server or it is slow', async () => {
    expect(
      await completed('querator lease m', new Terminal(() => Promise.reject(new TypeError('down')))),
    ).toEqual([]);
    const silent: Fetch = () => new Promise(() => {});
    const startedAt = performance.now();
    expect(await completed('querator lease m', new Terminal(silent))).toEqual([]);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  test('from the server that the line names', async () => {
    const urls: string[] = [];
    const recording: Fetch = async (url, init) => {
      urls.push(new URL(url).origin);
      return fetch(url, init);
    };
    await completed('querator --endpoint http://other:7 lease m', new Terminal(recording));
    expect(urls).toEqual(['http://other:7']);
  });
});

test('an unknown shell is wrong usage', async () => {
  expect(await terminal.run(['completion', 'tcsh'])).toMatchObject({ code: 2 });
});

test.each(['bash', 'zsh', 'fish'])('the script for %s calls the command', async (shell) => {
  const { stdout } = await terminal.ok(`completion ${shell}`);
  expect(stdout).toContain('querator complete-line -- ');
});

describe('in a real bash', { timeout: 240_000 }, () => {
  let folder = '';
  const live = new TestServer();
  beforeAll(async () => {
    await live.start('memory');
    for (const name of ['mail', 'mail-dead', 'a:b', 'a:c'])
      await new Terminal(globalThis.fetch).run(['create', name], { env: { QUERATOR_ENDPOINT: live.url } });
    folder = await mkdtemp(join(tmpdir(), 'querator-completion-'));
    const program = `#!/bin/sh\nexec '${process.execPath}' --conditions=@querator/source '${MAIN}' "$@"\n`;
    await writeFile(join(folder, 'querator'), program);
    await chmod(join(folder, 'querator'), 0o755);
  });
  afterAll(async () => {
    await live.dispose();
    await rm(folder, { recursive: true });
  });

  /** What bash offers after a line, which it splits into these words. */
  async function offered(words: readonly string[], line: string): Promise<string[]> {
    const script = `
      source <(querator completion bash)
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
      COMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}
      spec=$(complete -p querator); function=\${spec##*-F }; \${function%% *}
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = {
      ...programEnvironment(),
      ...{ PATH: `${folder}:${process.env['PATH']}`, QUERATOR_ENDPOINT: live.url },
    };
    const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', script], { env });
    expect(stderr).toBe('');
    return stdout.split('\n').filter((word) => word !== '');
  }

  /** Names are left out if the server takes longer than a second, which a busy machine may take. */
  const queuesOffered = (words: readonly string[], line: string, names: readonly string[]) =>
    vi.waitFor(async () => expect(await offered(words, line)).toEqual(names), { timeout: 120_000 });

  test('commands, flags and queues are offered', async () => {
    expect(await offered(['querator', 'pee'], 'querator pee')).toEqual(['peek']);
    expect(await offered(['querator', 'lease', '--jso'], 'querator lease --jso')).toEqual(['--jsonl']);
    await queuesOffered(['querator', 'peek', 'ma'], 'querator peek ma', ['mail', 'mail-dead']);
    expect(await offered(['querator', 'task', ''], 'querator task ')).toContain('move-items');
    expect(await offered(['querator', 'produce', 'x', '--file', ''], 'querator produce x --file ')).toEqual(
      [],
    );
  });

  test('a name with a colon, at which bash splits, is completed behind the colon', async () => {
    const words = ['querator', 'peek', 'a', ':', ''];
    await queuesOffered(words, 'querator peek a:', ['b', 'c']);
    await queuesOffered(['querator', 'peek', 'a', ':', 'b'], 'querator peek a:b', ['b']);
  });
});
