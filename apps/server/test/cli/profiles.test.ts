import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Fetch } from '@querator/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Terminal } from './support/terminal.ts';

let folder = '';
let file = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'querator-profiles-'));
  file = join(folder, 'profiles.yaml');
});
afterEach(() => rm(folder, { recursive: true }));

const TWO = `# My servers.
default: staging
profiles:
  staging:
    endpoint: http://staging:1
    api-key: from-staging # Its key.
  live:
    endpoint: http://live:2
    api-key-file: live-key
`;

async function write(text: string, mode = 0o600): Promise<void> {
  await writeFile(file, text);
  await chmod(file, mode);
  await writeFile(join(folder, 'live-key'), 'from-live\n');
}

/** Runs a command, and returns what it sent where. */
async function run(line: string, env: Record<string, string> = {}) {
  const calls: { origin: string; authorization: unknown }[] = [];
  const fetch: Fetch = async (url, { headers }) => {
    const authorization = (headers as Record<string, string>)['Authorization'];
    calls.push({ origin: new URL(url).origin, authorization });
    return new Response('{}', { headers: { 'Content-Type': 'application/json' } });
  };
  const io = { env: { QUERATOR_CONFIG_HOME: folder, ...env } };
  const ran = await new Terminal(fetch).run(line.split(' '), io);
  return { ...ran, call: calls[0], calls };
}

const LOCAL = { origin: 'http://localhost:2319', authorization: undefined };
const STAGING = { origin: 'http://staging:1', authorization: 'Bearer from-staging' };
const LIVE = { origin: 'http://live:2', authorization: 'Bearer from-live' };

describe('a profile', () => {
  beforeEach(() => write(TWO));

  test('is the one of the flag, or of the environment, or the default', async () => {
    expect((await run('list')).call).toEqual(STAGING);
    expect((await run('list', { QUERATOR_PROFILE: 'live' })).call).toEqual(LIVE);
    expect((await run('list --profile staging', { QUERATOR_PROFILE: 'live' })).call).toEqual(STAGING);
    await rm(file);
    expect((await run('list')).call).toEqual(LOCAL);
  });

  test('gives way to flags and the environment, value by value', async () => {
    const key = { ...STAGING, authorization: 'Bearer own' };
    expect((await run('list --api-key own')).call).toEqual(key);
    expect((await run('list', { QUERATOR_API_KEY: 'own' })).call).toEqual(key);
    const elsewhere = { ...LIVE, origin: 'http://other:3' };
    expect((await run('list --profile live --endpoint http://other:3')).call).toEqual(elsewhere);
    const env = { QUERATOR_ENDPOINT: 'http://other:3' };
    expect((await run('list --profile live', env)).call).toEqual(elsewhere);
  });

  test('that is only the default keeps its key from other servers', async () => {
    const bare = { origin: 'http://other:3', authorization: undefined };
    expect((await run('list --endpoint http://other:3')).call).toEqual(bare);
    expect((await run('list', { QUERATOR_ENDPOINT: 'http://other:3' })).call).toEqual(bare);
    const migrated = await run('migrate --from http://a:1 --to http://b:2 --dry-run');
    expect(migrated.calls.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  test('a flag with a key file goes before a key of the environment', async () => {
    const line = `list --api-key-file ${join(folder, 'live-key')}`;
    const env = { QUERATOR_API_KEY: 'env' };
    expect((await run(line, env)).call?.authorization).toBe('Bearer from-live');
  });

  test('that does not exist is an error', async () => {
    expect(await run('list --profile none')).toMatchObject({
      ...{ code: 1, call: undefined },
      stderr: `Error: failed to create client: no such profile: 'none' is not in ${file}\n`,
    });
    expect(await run('list --profile constructor')).toMatchObject({ code: 1 });
    expect((await run('list --profile a', { QUERATOR_CONFIG_HOME: '' })).stderr).toContain('HOME is not set');
  });
});

describe('the file', () => {
  test('is in the configuration folder of the user', async () => {
    const home = join(folder, 'home');
    const places = [
      [join(home, '.config', 'querator'), { HOME: home }],
      [join(folder, 'xdg', 'querator'), { HOME: home, XDG_CONFIG_HOME: join(folder, 'xdg') }],
      [folder, { HOME: home, XDG_CONFIG_HOME: join(folder, 'xdg'), QUERATOR_CONFIG_HOME: folder }],
    ] as const;
    for (const [n, [place, env]] of places.entries()) {
      await mkdir(place, { recursive: true });
      await writeFile(
        join(place, 'profiles.yaml'),
        `default: a\nprofiles: {a: {endpoint: "http://at:${n + 1}"}}\n`,
      );
      expect((await run('list', { QUERATOR_CONFIG_HOME: '', ...env })).call?.origin).toBe(
        `http://at:${n + 1}`,
      );
    }
  });

  test.each([
    ['colour: red\n', 'line 1: colour: unknown key'],
    [
      'profiles:\n  a:\n    endpoint: http://a\n    api_key: secret\n',
      'line 4: profiles.a.api_key: unknown key',
    ],
    ['profiles:\n  a:\n    endpoint: 7\n', 'line 3: profiles.a.endpoint: expected string, received number'],
    ['profiles:\n  a:\n    endpoint: ""\n', 'line 3: profiles.a.endpoint: cannot be empty'],
    ['default: b\nprofiles: {}\n', 'line 1: default: expected the name of a profile'],
    [
      'profiles:\n  a:\n    api-key: k\n    api-key-file: f\n',
      'line 2: profiles.a: expected api-key or api-key-file, not both',
    ],
    ['profiles:\n  a:\n    cert-file: c\n', 'line 2: profiles.a: cert-file and key-file go together'],
    ['profiles: [\n', 'line 2: '],
    ['', 'EOF'],
  ])('with a fault is refused, with the line: %j', async (contents, text) => {
    await write(contents);
    const { code, stderr, call } = await run('list');
    expect({ code, call }).toEqual({ code: 1, call: undefined });
    expect(stderr).toContain(text);
    expect(stderr).not.toContain('secret');
  });

  test.each([0o640, 0o604, 0o644, 0o620])('with a key is refused if others may use it: %o', async (mode) => {
    await write(TWO, mode);
    const { code, stderr, call } = await run('list');
    expect({ code, call }).toEqual({ code: 1, call: undefined });
    const shown = mode.toString(8).padStart(4, '0');
    expect(stderr).toContain(`others may read them (mode ${shown}); run: chmod 600 ${file}\n`);
  });

  test('without a key may be read by others', async () => {
    await write('default: a\nprofiles: {a: {endpoint: "http://a:1"}}\n', 0o644);
    expect((await run('list')).call?.origin).toBe('http://a:1');
  });
});

describe('querator profile', () => {
  test('lists the profiles without their keys', async () => {
    await write(TWO);
    const { stdout, stderr } = await run('profile list');
    expect(stdout.replaceAll(/ +/g, ' ')).toBe(
      'NAME DEFAULT ENDPOINT KEY\nstaging yes http://staging:1 yes\nlive http://live:2 yes\n',
    );
    expect(stderr).toBe(`Found 2 profile(s) in ${file}\n`);
    const json = await run('profile list --json');
    expect(JSON.parse(json.stdout).profiles[1]).toEqual({
      ...{ name: 'live', default: false, endpoint: 'http://live:2', key: true },
    });
    expect(stdout + json.stdout).not.toContain('from-');
    await rm(file);
    expect(await run('profile list')).toMatchObject({ code: 0 });
  });

  test('use changes the default, and nothing else of the file', async () => {
    await write(TWO);
    expect((await run('profile use live')).stderr).toBe("Profile 'live' is now the default\n");
    expect(await readFile(file, 'utf8')).toBe(TWO.replace('default: staging', 'default: live'));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await run('list')).call).toEqual(LIVE);
    const before = await readFile(file, 'utf8');
    expect(await run('profile use none')).toMatchObject({ code: 1 });
    expect(await readFile(file, 'utf8')).toBe(before);
  });
});

describe('profile add and remove', () => {
  const add = (line: string, io: Parameters<Terminal['run']>[1] = {}) =>
    new Terminal(async () => new Response('{}')).run(line.split(' '), {
      env: { QUERATOR_CONFIG_HOME: join(folder, 'new') },
      ...io,
    });
  const text = () => readFile(join(folder, 'new', 'profiles.yaml'), 'utf8');

  test('make the file, which only its owner may read, with the key from standard input', async () => {
    const ran = await add('profile add live --endpoint http://live:2 --ca-file /etc/ca.pem --with-key', {
      input: 'secret\n',
    });
    expect(ran).toMatchObject({ code: 0, stdout: '' });
    expect(ran.stderr).toBe(`Added profile 'live' to ${join(folder, 'new', 'profiles.yaml')}\n`);
    expect(await text()).toBe(`profiles:
  live:
    endpoint: http://live:2
    ca-file: /etc/ca.pem
    api-key: secret
`);
    expect((await stat(join(folder, 'new', 'profiles.yaml'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'new'))).mode & 0o777).toBe(0o700);
    expect((await add('profile list --json')).stdout).toContain('"key": true');
  });

  test('read the key from a terminal without echo', async () => {
    const raw: boolean[] = [];
    const stdin = Object.assign(new Readable({ read() {} }), {
      ...{ isTTY: true, setRawMode: (on: boolean) => void raw.push(on) },
    });
    stdin.push('secrex\u007ft\r');
    const { stderr } = await add('profile add live --with-key', { stdin });
    expect(stderr).toMatch(/^API key of 'live': \nAdded profile/);
    expect(raw).toEqual([true, false]);
    expect(await text()).toContain('api-key: secret\n');
    stdin.push('\u0003');
    expect((await add('profile add other --with-key', { stdin })).code).toBe(130);
    expect(await text()).not.toContain('other');
  });

  test('keep the rest of the file, and make it private', async () => {
    await write(TWO.replace('    api-key: from-staging # Its key.\n', ''), 0o644);
    const env = { QUERATOR_CONFIG_HOME: folder };
    await add('profile add new --endpoint http://new:3 --api-key-file /run/key', { env });
    expect(await readFile(file, 'utf8')).toMatch(
      /^# My servers\.\n(.*\n)*.*live-key\n {2}new:\n {4}endpoint: http/,
    );
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await add('profile remove staging --yes', { env });
    const left = await readFile(file, 'utf8');
    expect(left).toMatch(/^# My servers\./);
    expect(left).not.toMatch(/staging|default/);
    expect(left).toContain('  live:');
  });

  test.each([
    [
      'profile add a --api-key k',
      2,
      'a key in the line is seen by others; use --with-key, or --api-key-file',
    ],
    ['profile add a --with-key', 2, 'the API key is empty'],
    ['profile add a --endpoint nowhere', 2, 'failed to add profile'],
    ['profile add a --cert-file k ', 1, 'cert-file and key-file go together'],
    ['profile add a --api-key-file k --with-key', 1, 'expected api-key or api-key-file, not both'],
    ['profile remove a --yes', 1, "no such profile: 'a'"],
    ['profile remove a', 1, "no such profile: 'a'"],
  ])('%s is refused', async (line, code, message) => {
    const input = line.includes('api-key-file') ? 'key' : '';
    await mkdir(join(folder, 'new'));
    await writeFile(join(folder, 'new', 'k'), 'key');
    const ran = await add(line.replace(' k ', ` ${join(folder, 'new', 'k')} `).trim(), { input });
    expect(ran).toMatchObject({ code, stderr: expect.stringContaining(message) });
    await expect(text()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('ask, and refuse a name that is taken', async () => {
    await add('profile add a --endpoint http://a:1');
    expect((await add('profile add a')).stderr).toContain("there is a profile 'a' already; remove it first");
    const before = await text();
    expect((await add('profile remove a', { isTerminal: true, input: 'n\n' })).code).toBe(1);
    expect((await add('profile remove a')).stderr).toContain('there is no terminal to ask on, add --yes');
    expect(await text()).toBe(before);
    expect((await add('profile remove a', { isTerminal: true, input: 'y\n' })).code).toBe(0);
    expect((await add('profile list')).stderr).toContain('Found 0 profile(s)');
  });
});
