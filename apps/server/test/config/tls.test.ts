import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, type Certificate, makeAuthority } from '@querator/tooling-postgres/tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, loadConfig, parseConfig } from '../../src/index.ts';

let folder: string;
let authority: Authority;
let pair: Certificate;
let other: Certificate;

const file = (name: string, contents: string): string => {
  const path = join(folder, name);
  writeFileSync(path, contents);
  return path;
};
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'querator-tls-config-'));
  authority = await makeAuthority('Test CA');
  pair = await authority.issue({ commonName: 'server' });
  other = await authority.issue({ commonName: 'other' });
  file('a.crt', pair.cert);
  file('a.key', pair.key);
  file('other.key', other.key);
  file('ca.crt', authority.cert);
  file('empty', '');
  file('text', '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n');
  mkdirSync(join(folder, 'sub'));
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
  });
  file('encrypted.key', privateKey);
});
afterAll(() => rmSync(folder, { recursive: true }));

const parse = (tls: Record<string, string>, env: Record<string, string> = {}) =>
  parseConfig(
    `tls:\n${Object.entries(tls)
      .map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`)
      .join('')}`,
    { env, folder },
  );
const faultOf = (tls: Record<string, string>, env: Record<string, string> = {}): string => {
  try {
    parse(tls, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  return 'no fault';
};

describe('the key tls', () => {
  test('accepts paths that are relative to the folder of the file', async () => {
    const config = parse({ cert: 'a.crt', key: 'a.key', 'client-ca': 'ca.crt' });
    expect(config.tls).toEqual({
      cert: join(folder, 'a.crt'),
      key: join(folder, 'a.key'),
      'client-ca': join(folder, 'ca.crt'),
      'min-version': 'TLSv1.2',
    });
    const loaded = await loadConfig(file('querator.yaml', 'tls: {cert: a.crt, key: a.key}\n'));
    expect(loaded.tls).toMatchObject({ cert: join(folder, 'a.crt') });
  });

  test.each([
    [{ cert: 'a.crt' }, 'line 1: tls.key: is required'],
    [{ cert: 'gone', key: 'a.key' }, /line 2: tls\.cert: cannot read the file .*gone: no such file/],
    [{ cert: 'sub', key: 'a.key' }, /line 2: tls\.cert: cannot read the file .*sub: is a directory/],
    [{ cert: 'empty', key: 'a.key' }, /line 2: tls\.cert: the file .*empty holds no certificate in PEM/],
    [{ cert: 'text', key: 'a.key' }, /line 2: tls\.cert: the file .*text holds no certificate in PEM/],
    [{ cert: 'a.key', key: 'a.key' }, /line 2: tls\.cert: the file .*a\.key holds no certificate in PEM/],
    [{ cert: 'a.crt', key: 'gone' }, /line 3: tls\.key: cannot read the file .*gone: no such file/],
    [{ cert: 'a.crt', key: 'a.crt' }, /line 3: tls\.key: the file .*a\.crt holds no private key in PEM/],
    [{ cert: 'a.crt', key: 'encrypted.key' }, /line 3: tls\.key: the key in the file .* is encrypted/],
    [
      { cert: 'a.crt', key: 'other.key' },
      /line 3: tls\.key: the key in the file .*other\.key does not belong to the certificate/,
    ],
    [
      { cert: 'a.crt', key: 'a.key', 'client-ca': 'empty' },
      /line 4: tls\.client-ca: the file .*empty holds no certificate in PEM/,
    ],
    [
      { cert: 'a.crt', key: 'a.key', 'client-certificates': 'optional' },
      "line 4: tls.client-certificates: needs 'client-ca'",
    ],
    [
      { cert: 'a.crt', key: 'a.key', 'min-version': '1.1' },
      'line 4: tls.min-version: expected one of TLSv1.2, TLSv1.3',
    ],
    [{ cert: 'a.crt', key: 'a.key', ca: 'ca.crt' }, 'line 4: tls.ca: unknown key'],
  ])('%j is refused with its key and line', (tls, expected) => {
    const message = faultOf(tls as Record<string, string>);
    if (typeof expected === 'string') expect(message).toContain(expected);
    else expect(message).toMatch(expected);
  });

  test('a private key in place of its path is not shown', () => {
    const message = faultOf({ cert: 'a.crt', key: `file:${join(folder, 'a.key')}` });
    expect(message).toContain('line 3: tls.key: expected the path of a file, not its contents');
    expect(message).not.toContain('PRIVATE');
  });
});
