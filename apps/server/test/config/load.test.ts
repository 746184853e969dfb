import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { configuredQuotas } from '../../src/config/quotas.ts';
import { ConfigError, defaultConfig, loadConfig, parseConfig } from '../../src/index.ts';

const faultOf = (text: string): string => {
  try {
    parseConfig(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  return 'no fault';
};

describe('the configuration file', () => {
  test('example.yaml is valid, and shows every key', async () => {
    const text = await readFile(new URL('../../../../example.yaml', import.meta.url), 'utf8');
    const config = parseConfig(text);
    expect(config.queues[1]).toMatchObject({ name: 'mail', 'dead-queue': 'mail-dead', 'max-attempts': 10 });
    const keys = new Set([...text.matchAll(/^[\s-]*([a-z-]+):/gm)].map(([, key]) => key));
    expect(config).toMatchObject({ 'max-connections': 10_000, 'memory-budget': 512_000_000 });
    for (const key of [
      'address',
      'allowed-hosts',
      'cors-origins',
      'handler',
      'level',
      'affinity',
      'drain',
      'max-conns',
      'storage-name',
      'reference',
      'schema',
    ]) {
      expect(keys).toContain(key);
    }
  });

  test('has quotas for namespaces and keys, with sizes as texts', () => {
    const config = parseConfig(`
quotas:
  default: { requests-per-second: 100 }
  namespaces:
    shop: { bytes-waiting: 5GB, items-waiting: 0 }
  keys:
    some-key: { connections: 3 }`);
    const { default: always, namespaces, keys } = configuredQuotas(config.quotas as never);
    expect(always).toEqual({ requestsPerSecond: 100 });
    expect(namespaces.get('shop')).toEqual({ bytesWaiting: 5_000_000_000 });
    expect(keys.get('some-key')).toEqual({ connections: 3 });
    expect(defaultConfig().quotas).toBeUndefined();
  });

  test.each([
    ['quotas: { default: { requests: 1 } }', 'quotas.default.requests: unknown key'],
    ['quotas: { default: { queues: -1 } }', 'quotas.default.queues: expected a number of at least 0'],
    ['quotas: { keys: { k: { connections: 1.5 } } }', 'quotas.keys.k.connections: expected a whole number'],
    [
      'quotas: { namespaces: { n: { bytes-waiting: much } } }',
      'quotas.namespaces.n.bytes-waiting: expected a number of bytes',
    ],
  ])('%s is refused', (text, fault) => {
    expect(faultOf(text)).toContain(fault);
  });

  test('is optional: without it everything is in memory on localhost:2319', () => {
    expect(defaultConfig()).toMatchObject({
      address: 'localhost:2319',
      logging: { handler: 'color', level: 'info' },
      'queue-storage': { driver: 'memory' },
      'partition-storage': [{ name: 'mem-0', driver: 'memory', affinity: 1 }],
      queues: [],
    });
  });

  test.each([
    ['300000000', 300_000_000],
    ['512MB', 512_000_000],
    ['512 MiB', 536_870_912],
    ['2GB', 2_000_000_000],
    ['2GiB', 2_147_483_648],
  ])('a memory budget may be written %s', (written, bytes) => {
    expect(parseConfig(`memory-budget: ${written}\n`)['memory-budget']).toBe(bytes);
    expect(parseConfig(`memory-budget: "${written}"\n`)['memory-budget']).toBe(bytes);
  });

  test('hosts and origins are lists, and origins are taken as browsers send them', () => {
    expect(defaultConfig()).toMatchObject({ 'allowed-hosts': [], 'cors-origins': [] });
    const hosts = [
      'Queue.Example',
      'queue.example:8080',
      '.queue.example',
      '10.0.0.1',
      '[::1]:80',
      'my_service',
    ];
    const origins = ['HTTPS://App.Example:443', 'http://localhost:3000', 'app://Desk'];
    const config = parseConfig(JSON.stringify({ 'allowed-hosts': hosts, 'cors-origins': origins }));
    expect(config['allowed-hosts']).toEqual(hosts);
    expect(config['cors-origins']).toEqual(['https://app.example', 'http://localhost:3000', 'app://desk']);
  });

  test('has a default affinity of 1, and driver names in any case', () => {
    const config = parseConfig('partition-storage:\n  - name: a\n    driver: Memory\n');
    expect(config['partition-storage']).toMatchObject([{ name: 'a', driver: 'memory', affinity: 1 }]);
  });

  test.each([
    ['adress: x:1', 'line 1: adress: unknown key'],
    ['logging:\n  handler: color\n  colour: yes\n', 'line 3: logging.colour: unknown key'],
    ['logging:\n  level: loud\n', 'line 2: logging.level: expected one of debug, info, warn, error'],
    ['logging:\n  handler: xml\n', 'line 2: logging.handler: expected one of color, text, json'],
    ['max-connections: 0\n', 'line 1: max-connections: expected a number of at least 1'],
    ['max-connections: many\n', 'line 1: max-connections: expected a whole number'],
    ['memory-budget: 100MB\n', 'line 1: memory-budget: expected at least 160000000 bytes'],
    ['memory-budget: 1\n', 'line 1: memory-budget: expected at least 160000000 bytes'],
    [
      'memory-budget: 512 megs\n',
      'line 1: memory-budget: expected a number of bytes, or a size such as 512MB',
    ],
    ['memory-budget: 1.5GB\n', 'line 1: memory-budget: expected a number of bytes, or a size such as 512MB'],
    ['memory-budget: [1]\n', 'line 1: memory-budget: expected a number of bytes, or a size such as 512MB'],
    ['address: 2319\n', 'line 1: address: expected string, received number'],
    ['address: nowhere\n', 'line 1: address: expected host:port, such as localhost:2319'],
    ['allowed-hosts: queue.example\n', 'line 1: allowed-hosts: expected a list of hosts'],
    ...[
      'https://queue.example',
      'a b',
      '"*"',
      '.',
      '..a',
      'a.*.example',
      'queue.example/',
      '"::1"',
      '[]',
      '',
    ].map((entry): [string, string] => [
      `allowed-hosts:\n  - localhost\n  - ${entry}\n`,
      'line 3: allowed-hosts[1]: expected a host as in the Host header, such as queue.example',
    ]),
    ['cors-origins: https://app.example\n', 'line 1: cors-origins: expected a list of origins'],
    ...[
      '"*"',
      'null',
      '"null"',
      'app.example',
      'https://app.example/',
      'https://*.example',
      'https://u@a',
      'https://',
    ].map((entry): [string, string] => [
      `cors-origins:\n  - http://a\n  - ${entry}\n`,
      'line 3: cors-origins[1]: expected the origin of a web page, such as https://app.example',
    ]),
    ['partition-storage:\n  - driver: memory\n', 'line 2: partition-storage[0].name: is required'],
    [
      'partition-storage:\n  - name: ""\n    driver: memory\n',
      'line 2: partition-storage[0].name: expected a text',
    ],
    ['partition-storage: []\n', 'line 1: partition-storage: expected at least one storage'],
    [
      'partition-storage:\n  - name: a\n    driver: memory\n  - name: a\n    driver: memory\n',
      "line 4: partition-storage[1].name: 'a' is used more than once",
    ],
    [
      'partition-storage:\n  - name: a\n    driver: badger\n',
      "line 3: partition-storage[0].driver: invalid driver; 'badger' is not one of (memory, postgres, sqlite)",
    ],
    [
      'partition-storage:\n  - name: a\n    driver: memory\n    affinity: 0\n',
      'line 4: partition-storage[0].affinity: no storage takes partitions',
    ],
    [
      'partition-storage:\n  - name: a\n    driver: memory\n  - name: b\n    driver: memory\n    drain: true\n',
      'line 6: partition-storage[1].drain: a storage that drains gets no partitions; expected affinity: 0 beside it',
    ],
    [
      'partition-storage:\n  - name: a\n    driver: memory\n    drain: maybe\n',
      'line 4: partition-storage[0].drain: expected true or false',
    ],
    [
      `partition-storage: [{ name: a, driver: memory }, { name: b, driver: memory, affinity: 0, drain: true }]
queues:
  - name: q
    lease-timeout: 1m
    expire-timeout: 1h
    partitions:
      - partition: 0
        storage-name: b
`,
      "line 8: queues[0].partitions[0].storage-name: storage 'b' drains; name another one, or leave out 'partitions'",
    ],
    [
      'partition-storage:\n  - name: a\n    driver: memory\n    affinity: -1\n',
      'line 4: partition-storage[0].affinity: expected a number of at least 0',
    ],
    [
      'partition-storage:\n  - name: a\n    driver: memory\n    config:\n      size: 1\n',
      'line 5: partition-storage[0].config.size: unknown key',
    ],
    ['queue-storage:\n  driver: postgres\n', 'line 1: queue-storage.config.connection-string: required'],
    [
      'queue-storage:\n  driver: postgres\n  config:\n    connection-string: "postgres://u@h/d"\n    max-conns: 0\n',
      'line 5: queue-storage.config.max-conns: must be an integer of at least 1',
    ],
    ['auth-backend:\n  driver: ldap\n', 'line 2: auth-backend.driver: expected one of none, internal'],
    [
      'auth-backend:\n  driver: internal\n  admin-key: secret\n',
      'line 3: auth-backend.admin-key: expected an API key',
    ],
    ['queues:\n  - name: q\n    expire-timeout: 1h\n', 'line 2: queues[0].lease-timeout:'],
    [
      'queues:\n  - name: q\n    lease-timeout: 7d\n    expire-timeout: 1h\n',
      'line 3: queues[0].lease-timeout: time: unknown unit "d" in duration "7d"',
    ],
    [
      'queues:\n  - name: q\n    lease-timeout: 1m\n    expire-timeout: 1h\n    partitions:\n      - partition: 1\n        storage-name: x\n',
      'line 6: queues[0].partitions[0].partition: expected 0',
    ],
    [
      'queues:\n  - name: q\n    lease-timeout: 1m\n    expire-timeout: 1h\n    partitions:\n      - partition: 0\n        storage-name: x\n',
      "line 7: queues[0].partitions[0].storage-name: invalid partition storage; 'x' is undefined",
    ],
    ['a: 1\na: 2\n', 'line 2: Map keys must be unique'],
    ['allowed-hosts: [*queue]\n', 'while reading config file: Unresolved alias'],
    ['a: [1\n', 'while reading config file: line'],
    ['', 'while reading config file: EOF'],
    ['- a\n', 'file: expected object, received array'],
  ])('%j: %s', (text, expected) => {
    expect(faultOf(text)).toContain(expected);
  });

  test('reports all faults at once', () => {
    const message = faultOf('adress: x\nlogging:\n  level: loud\n');
    expect(message).toContain('line 1: adress');
    expect(message).toContain('line 3: logging.level');
  });

  test('never shows a connection string or its password in a fault', () => {
    const message = faultOf(
      'queue-storage:\n  driver: postgres\n  config:\n    connection-string: "postgres://u:SECRET@h:port/d"\n',
    );
    expect(message).toContain('line 4: queue-storage.config.connection-string:');
    expect(message).not.toContain('SECRET');
  });

  test('that is missing is named', async () => {
    await expect(loadConfig('/nope.yaml')).rejects.toThrow(
      'while opening config file: open /nope.yaml: no such file or directory',
    );
  });
});
