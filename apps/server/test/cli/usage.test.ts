import { Writable } from 'node:stream';
import type { Fetch } from '@querator/client';
import { describe, expect, test } from 'vitest';
import type { ServerOptions } from '../../src/run-server.ts';
import { VERSION } from '../../src/version.ts';
import { Terminal } from './support/terminal.ts';

const unreachable: Fetch = () => {
  const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:2319'), { syscall: 'connect' });
  return Promise.reject(new TypeError('fetch failed', { cause }));
};
const terminal = new Terminal(unreachable);

const COMMANDS = [
  'server',
  'create',
  'list',
  'info',
  'update',
  'delete',
  'produce',
  'lease',
  'complete',
  'stats',
  'version',
];

describe('help', () => {
  test.each([[[]], [['--help']], [['help']]])('%j prints all commands on standard output', async (argv) => {
    const { code, stdout, stderr } = await terminal.run(argv);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
  });

  test.each(COMMANDS)('%s --help prints its usage', async (command) => {
    const { code, stdout } = await terminal.run([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: querator ${command}`);
  });
});

test.each(['version', '--version'])('%s', async (word) => {
  expect(await terminal.run([word])).toEqual({ code: 0, stdout: `querator ${VERSION}\n`, stderr: '' });
});

describe('wrong usage is reported once, on standard error, with exit code 2', () => {
  test.each([
    [['creat', 'x'], "Error: unknown command 'creat'\n(Did you mean create?)\n"],
    [['create'], "Error: missing required argument 'queue'\n"],
    [['create', 'a', 'b'], "Error: too many arguments for 'create'. Expected 1 argument but got 2: a, b.\n"],
    [
      ['lease', 'q', '--batch-sise', '1'],
      "Error: unknown option '--batch-sise'\n(Did you mean --batch-size?)\n",
    ],
    [
      ['lease', 'q', '-b', 'ten'],
      "Error: option '-b, --batch-size <n>' argument 'ten' is invalid. It is not a whole number.\n",
    ],
    [['complete', 'q', 'id'], "Error: required option '-p, --partition <n>' not specified\n"],
  ])('%j', async (argv, text) => {
    const { code, stdout, stderr } = await terminal.run(argv);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toBe(`${text}Add --help for usage.\n`);
  });

  test.each([
    [['lease', 'q', '--timeout', 'soon'], 'invalid timeout format: time: invalid duration "soon"'],
    [['produce', 'q', '-p', 'x', '--file', 'y'], '--payload and --file exclude each other'],
    [['produce', 'q', '--file', '-', '--batch', '1001'], '--batch must be from 1 to 1000'],
    [
      ['list', '--endpoint', 'nonsense'],
      /^failed to create client: endpoint is invalid; 'nonsense' is not a URL/,
    ],
    [['list', '--endpoint', 'http://me:secret@host'], /^failed to create client: (?!.*secret)/],
  ])('%j', async (argv, text) => {
    const { code, stdout, stderr } = await terminal.run(argv);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    const lines = stderr.split('\n');
    expect(lines[0]?.replace(/^Error: /, '')).toMatch(text);
    expect(lines.slice(1)).toEqual(['']);
  });
});

describe('a failure is reported once, on standard error, with exit code 1', () => {
  test.each([
    [
      ['produce', 'q', '--file', '/no/such'],
      /^failed to produce item: failed to open file: ENOENT.*; no line is stored$/,
    ],
    [
      ['list'],
      'failed to list queues: Client Error: during POST http://localhost:2319/v1/queues.list: could not connect: connect ECONNREFUSED 127.0.0.1:2319',
    ],
  ])('%j', async (argv, text) => {
    const { code, stdout, stderr } = await terminal.run(argv);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    const lines = stderr.split('\n');
    expect(lines[0]?.replace(/^Error: /, '')).toMatch(text);
    expect(lines.slice(1)).toEqual(['']);
  });
});

describe('the address of the server', () => {
  const calledBy = async (argv: readonly string[], env: Record<string, string>) => {
    const calls: { url: string; authorization: unknown }[] = [];
    const fetch: Fetch = async (url, { headers }) => {
      calls.push({ url, authorization: (headers as Record<string, string>)['Authorization'] });
      return new Response('{}', { headers: { 'Content-Type': 'application/json' } });
    };
    await terminal.run([...argv, 'list'], { fetch, env });
    return calls[0];
  };

  test('is the flag, else the environment, else the default; an empty value is absent', async () => {
    const path = '/v1/queues.list';
    const env = { QUERATOR_ENDPOINT: 'http://env:1' };
    expect((await calledBy([], {}))?.url).toBe(`http://localhost:2319${path}`);
    expect((await calledBy([], { QUERATOR_ENDPOINT: '' }))?.url).toBe(`http://localhost:2319${path}`);
    expect((await calledBy([], env))?.url).toBe(`http://env:1${path}`);
    expect((await calledBy(['--endpoint', 'http://flag:2/'], env))?.url).toBe(`http://flag:2${path}`);
  });

  test('has an API key with the same order', async () => {
    const env = { QUERATOR_API_KEY: 'from-env' };
    expect((await calledBy([], {}))?.authorization).toBeUndefined();
    expect((await calledBy([], env))?.authorization).toBe('Bearer from-env');
    expect((await calledBy(['--api-key', 'from-flag'], env))?.authorization).toBe('Bearer from-flag');
  });
});

describe('server', () => {
  const startedWith = async (argv: readonly string[], env: Record<string, string> = {}) => {
    const started: ServerOptions[] = [];
    const runServer = async (options: ServerOptions) => {
      started.push(options);
      return 3;
    };
    const { code } = await terminal.run(['server', ...argv], { runServer, env });
    expect(code).toBe(3);
    return started[0];
  };
  const env = {
    QUERATOR_CONFIG: 'env.yaml',
    QUERATOR_ADDRESS: 'env:1',
    QUERATOR_LOG_LEVEL: 'warn',
    QUERATOR_WORKERS: '3',
  };

  test('leaves absent settings to the configuration', async () => {
    const nothing = { configFile: undefined, address: undefined, logLevel: undefined, workers: 1 };
    expect(await startedWith([])).toEqual(nothing);
    expect(await startedWith([], { QUERATOR_CONFIG: '', QUERATOR_ADDRESS: '' })).toEqual(nothing);
  });

  test('prefers flags to the environment', async () => {
    expect(await startedWith([], env)).toEqual({
      configFile: 'env.yaml',
      address: 'env:1',
      logLevel: 'warn',
      workers: 3,
    });
    expect(
      await startedWith(
        ['--config', 'f.yaml', '--address', 'f:2', '--log-level', 'debug', '--workers', '2'],
        env,
      ),
    ).toEqual({
      configFile: 'f.yaml',
      address: 'f:2',
      logLevel: 'debug',
      workers: 2,
    });
  });

  test('prints why it does not start', async () => {
    const runServer = () =>
      Promise.reject(new Error('while opening config file: open /nope: no such file or directory'));
    expect(await terminal.run(['server', '--config', '/nope'], { runServer })).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Error: while opening config file: open /nope: no such file or directory\n',
    });
  });
});

test('a command with closed output exits without a message', async () => {
  const stdout = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  });
  const fetch: Fetch = async () => new Response('{}', { headers: { 'Content-Type': 'application/json' } });
  expect(await terminal.run(['list'], { fetch, stdout })).toMatchObject({ code: 0, stderr: '' });
});

test('an interrupted command exits without a message, with 130', async () => {
  const interruption = new AbortController();
  const fetch: Fetch = () => {
    interruption.abort();
    return new Promise(() => {});
  };
  const ran = await terminal.run(['lease', 'q'], { fetch, interrupted: () => interruption.signal });
  expect(ran).toEqual({ code: 130, stdout: '', stderr: '' });
});
