// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax that this file tests.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Config, ConfigError, loadConfig, parseConfig } from '../../src/index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'querator-secrets-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const URI = 'postgres://querator:hunter2secret@db/items';

/** A configuration with one connection string, on line 5. */
const withConnection = (value: string) =>
  `partition-storage:\n  - name: a\n    driver: postgres\n    config:\n      connection-string: ${JSON.stringify(value)}\n`;
const parse = (text: string, env: Record<string, string> = {}) => parseConfig(text, { env, folder });
const connectionOf = (config: Config) => config['partition-storage'][0]?.config['connection-string'];
const faultOf = (text: string, env: Record<string, string> = {}): string => {
  try {
    parse(text, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  return 'no fault';
};
const secretFile = (contents: string | Buffer): string => {
  const file = join(folder, 'secret');
  writeFileSync(file, contents);
  return file;
};

describe('values from outside the file', () => {
  test('a variable is a whole string, or a part of one', () => {
    expect(connectionOf(parse(withConnection('${DATABASE}'), { DATABASE: URI }))).toBe(URI);
    const parts = 'postgres://${DB_USER}:${DB_PASSWORD}@db/items';
    expect(
      connectionOf(parse(withConnection(parts), { DB_USER: 'querator', DB_PASSWORD: 'hunter2secret' })),
    ).toBe(URI);
  });

  test.each(['', '\n', '\r\n'])('a file is the whole string, without the newline %j at its end', (end) => {
    expect(connectionOf(parse(withConnection(`file:${secretFile(URI + end)}`)))).toBe(URI);
  });

  test('only one newline is removed, and blanks stay', () => {
    const text = `queues:\n  - {name: q, lease-timeout: 1m, expire-timeout: 1h, reference: "file:${secretFile(' a \n\n')}"}\n`;
    expect(parse(text).queues[0]?.reference).toBe(' a \n');
  });

  test('the path of a file may contain variables, and is relative to the folder of the configuration', async () => {
    secretFile(URI);
    expect(connectionOf(parse(withConnection('file:${SECRETS}/secret'), { SECRETS: folder }))).toBe(URI);
    const config = join(folder, 'querator.yaml');
    writeFileSync(config, withConnection('file:secret'));
    expect(connectionOf(await loadConfig(config))).toBe(URI);
  });

  test('every string may have one, also in lists', () => {
    const text =
      'address: "127.0.0.1:${PORT}"\nlogging: {level: "${LEVEL}"}\nqueues:\n  - {name: "${Q}", lease-timeout: "${T}", expire-timeout: 1h}\n';
    const config = parse(text, { PORT: '99', LEVEL: 'warn', Q: 'mail', T: '2m' });
    expect(config).toMatchObject({ address: '127.0.0.1:99', logging: { level: 'warn' } });
    expect(config.queues).toMatchObject([{ name: 'mail', 'lease-timeout': '2m' }]);
  });

  test.each([
    ['$${NAME}', '${NAME}'],
    ['$$${NAME}', '$${NAME}'],
    ['$file:x', 'file:x'],
    ['$NAME and $', '$NAME and $'],
    ['a file:x', 'a file:x'],
  ])('%j means %j', (written, meant) => {
    const text = `queues:\n  - {name: q, lease-timeout: 1m, expire-timeout: 1h, reference: ${JSON.stringify(written)}}\n`;
    expect(parse(text, { NAME: 'no' }).queues[0]?.reference).toBe(meant);
  });

  test.each(['${OTHER}', 'file:/etc/passwd'])(
    'the value of a variable is not expanded again: %s',
    (value) => {
      const text = 'queues:\n  - {name: q, lease-timeout: 1m, expire-timeout: 1h, reference: "${NAME}"}\n';
      expect(parse(text, { NAME: value }).queues[0]?.reference).toBe(value);
    },
  );
});

describe('a value that cannot be read', () => {
  const key = 'line 5: partition-storage[0].config.connection-string:';

  test.each([
    ['${DATABASE}', 'the environment variable DATABASE is not set'],
    ['postgres://u:${A-B}@h/d', "'${' must begin the name of an environment variable, as in ${NAME}"],
    ['postgres://u:${A', "'${' must begin the name of an environment variable, as in ${NAME}"],
  ])('%s is named, with its key and line', (written, reason) => {
    expect(faultOf(withConnection(written))).toContain(`${key} ${reason}`);
  });

  test('a file is named, with its key and line', () => {
    const missing = join(folder, 'gone');
    expect(faultOf(withConnection(`file:${missing}`))).toContain(
      `${key} cannot read the file ${missing}: no such file or directory`,
    );
    mkdirSync(missing);
    expect(faultOf(withConnection(`file:${missing}`))).toContain(`${missing}: is a directory`);
    const binary = secretFile(Buffer.from([0xff, 0xfe]));
    expect(faultOf(withConnection(`file:${binary}`))).toContain(`the file ${binary} is not UTF-8`);
    expect(faultOf(withConnection('file:/dev/zero'))).toContain('is longer than the 65536 bytes of a value');
  });

  test('is reported together with all others', () => {
    const message = faultOf('address: "${A}"\nlogging:\n  level: "${B}"\n');
    expect(message).toContain('line 1: address: the environment variable A is not set');
    expect(message).toContain('line 3: logging.level: the environment variable B is not set');
  });
});

describe('an error never shows the value of a variable or a file', () => {
  const SECRET = "it's-hunter2";

  test.each([
    ['queues:\n  - {name: q, lease-timeout: "${S}", expire-timeout: 1h}\n', 'queues[0].lease-timeout:'],
    ['partition-storage:\n  - {name: a, driver: "${S}"}\n', 'partition-storage[0].driver: invalid driver'],
    ['address: "${S}"\n', 'address: expected host:port'],
    [withConnection('${S}'), 'connection-string: must start with'],
    [withConnection('postgres://u@h/d?${S}=x'), 'connection-string:'],
    [
      'partition-storage:\n  - {name: "${S}", driver: memory}\n  - {name: "${S}", driver: memory}\n',
      'partition-storage[1].name:',
    ],
  ])('%s', (text, expected) => {
    const message = faultOf(text, { S: SECRET });
    expect(message).toContain(expected);
    expect(message).not.toContain('hunter2');
  });
});
