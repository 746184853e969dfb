import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogFields } from '@querator/core';
import { silentLogger } from '@querator/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigSource } from '../../src/config/config-source.ts';
import type { Config } from '../../src/config/schema.ts';
import { ConfigReload } from '../../src/startup/config-reload.ts';

let folder: string;
let applied: Config[];
let lines: [string, LogFields | undefined][];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'querator-reload-'));
  applied = [];
  lines = [];
});
afterEach(() => rm(folder, { recursive: true }));

const write = (settings: object | string) =>
  writeFile(join(folder, 'c.yaml'), typeof settings === 'string' ? settings : JSON.stringify(settings));

const pg = (uri: string) => [{ name: 'pg', driver: 'postgres', config: { 'connection-string': uri } }];

/** Starts with settings. Returns what reads them again. */
async function start(settings: object): Promise<ConfigReload> {
  await write(settings);
  const { source, config } = await ConfigSource.open(join(folder, 'c.yaml'));
  const log = (message: string, fields?: LogFields) => void lines.push([message, fields]);
  return new ConfigReload({
    current: config,
    load: () => source.reload(),
    setLogLevel: (level) => log(`now ${level}`),
    apply: async (changed) => void applied.push(changed),
    logger: { ...silentLogger, info: log, warn: log },
  });
}

const DONE = ['reloaded the configuration', undefined];
const kept = (key: string, reason: string) => [
  'a setting cannot be reloaded, and stays as it is',
  { key, reason: expect.stringContaining(reason) },
];

describe('a reload', () => {
  test('uses all settings but those with a fault, and says what is wrong with each of these', async () => {
    const uri = 'postgres://u:first@db/q';
    const reload = await start({ logging: { level: 'warn' }, 'partition-storage': pg(uri) });
    await write({
      logging: { level: 'loud' },
      address: 'nowhere',
      'partition-storage': pg('file:/none'),
      tls: { cert: '/none.crt', key: '/none.key' },
      queues: [{ name: 'q' }],
    });
    await reload.run();
    expect(lines).toEqual([
      kept(
        'partition-storage',
        'line 1: partition-storage[0].config.connection-string: cannot read the file /none',
      ),
      kept('address', 'expected host:port'),
      kept('logging', 'logging.level: expected one of debug, info, warn, error'),
      kept('queues', 'queues[0].lease-timeout: expected a duration such as 1m'),
      ['changed settings that take effect at the next start only', { keys: ['tls'] }],
      DONE,
    ]);
    // The files of certificates are the matter of the listeners.
    expect(applied[0]?.tls?.cert).toBe('/none.crt');
    expect(applied[0]?.['partition-storage'][0]?.config).toEqual({ 'connection-string': uri });
    expect(applied[0]?.logging.level).toBe('warn');
  });

  test('changes the log level by itself', async () => {
    const reload = await start({});
    await write({ logging: { level: 'debug' }, queues: 'none' });
    await reload.run();
    await reload.run();
    expect(lines.filter(([message]) => message !== kept('', '')[0])).toEqual([
      ['now debug', undefined],
      ['reloaded the log level', { logLevel: 'debug' }],
      DONE,
      DONE,
    ]);
  });

  test('after a fault goes back to the last good value, not to the first', async () => {
    const reload = await start({ logging: { level: 'warn' } });
    for (const level of ['debug', 'loud']) {
      await write({ logging: { level } });
      await reload.run();
    }
    expect(applied.map(({ logging }) => logging.level)).toEqual(['debug', 'debug']);
  });

  test('takes a password that changed, and nothing else of a storage', async () => {
    const reload = await start({ 'partition-storage': pg('postgres://u:first@db/q?sslmode=require') });
    const uris = ['u:second@db/q?sslmode=require', 'u@db/q?sslmode=require&password=3', 'u:second@other/q'];
    for (const uri of uris) {
      await write({ 'partition-storage': pg(`postgres://${uri}`) });
      await reload.run();
    }
    expect(lines).toEqual([
      ...[DONE, DONE],
      ['changed settings that take effect at the next start only', { keys: ['partition-storage'] }],
      DONE,
    ]);
  });

  test.each([
    ['has a key that does not exist', 'adress: x\nlogging: {level: debug}\n', 'line 1: adress: unknown key'],
    ['is no YAML', 'logging: {', 'while reading config file'],
    ['is empty', '', 'EOF'],
    ['is a list', '[]', 'file: expected'],
  ])('keeps everything if the file %s', async (_, text, reason) => {
    const reload = await start({});
    await write(text);
    await reload.run();
    expect(lines).toEqual([
      [
        'the configuration cannot be reloaded; all settings stay as they are',
        { reason: expect.stringContaining(reason) },
      ],
    ]);
    expect(applied).toEqual([]);
  });
});
