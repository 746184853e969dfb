import { SharedResources, SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { expect, test } from 'vitest';
import { OWN_DRIVERS } from '../../src/backends.ts';
import { ConfiguredDriver } from '../../src/drivers/configured-driver.ts';
import { parseConfig } from '../../src/index.ts';
import { logStorages } from '../../src/startup/storage-notices.ts';

const PG = { driver: 'postgres', config: { 'connection-string': 'postgres://u@h/d' } };
const MEMORY = { driver: 'memory' };

const parse = (config: object) => parseConfig(JSON.stringify(config));

/** What the server logs about its storages at its start. */
function told(config: object): string[] {
  const lines: string[] = [];
  const log = (level: string) => (message: string, fields?: object) =>
    void lines.push([level, message, ...Object.values(fields ?? {})].join(' '));
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  logStorages(parse(config), logger);
  return lines;
}

test('without queue-storage the first durable partition storage keeps the queues, and the log says so', () => {
  const storages = [
    { name: 'mem', ...MEMORY },
    { name: 'pg-1', ...PG },
  ];
  expect(parse({ 'partition-storage': storages })['queue-storage']).toEqual({ partitionStorage: 'pg-1' });
  expect(told({ 'partition-storage': storages })).toEqual([
    'info no queue-storage is configured; queues are kept in the first durable partition storage pg-1',
    'warn this storage is in memory: its items are gone when this process ends mem',
  ]);
});

test('without queue-storage and with several durable storages, a warning says that their order decides', () => {
  const storages = ['pg-1', 'pg-2'].map((name) => ({ name, ...PG }));
  expect(parse({ 'partition-storage': storages })['queue-storage']).toEqual({ partitionStorage: 'pg-1' });
  expect(told({ 'partition-storage': storages })[1]).toBe(
    'warn where queues are kept depends on the order of the partition storages; name it in queue-storage',
  );
});

test('queue-storage keeps the queues, whatever the partition storages are', () => {
  const config = { 'queue-storage': PG, 'partition-storage': [{ name: 'pg-1', ...PG }] };
  expect(parse(config)['queue-storage']).toEqual(PG);
  expect(told(config)).toEqual([]);
  expect(told({ 'queue-storage': PG, 'partition-storage': [{ name: 'mem', ...MEMORY }] })).toEqual([
    'warn this storage is in memory: its items are gone when this process ends mem',
  ]);
});

test.each([
  [{}],
  [{ 'partition-storage': [{ name: 'mem', ...MEMORY }] }],
  [{ 'queue-storage': MEMORY, 'partition-storage': [{ name: 'mem', ...MEMORY }] }],
])('everything in memory is allowed, with a warning: %j', (config) => {
  expect(parse(config)['queue-storage']).toMatchObject(MEMORY);
  expect(told(config)).toEqual([
    'warn everything is in memory: queues and items are gone when this process ends',
  ]);
});

test('queues in memory beside durable items are refused, with the line and both storages', () => {
  const text = [
    'queue-storage:',
    '  driver: Memory',
    'partition-storage:',
    '  - name: mem',
    '    driver: memory',
    '  - name: pg-1',
    '    driver: postgres',
    '    config:',
    '      connection-string: "postgres://u@h/d"',
  ].join('\n');
  expect(() => parseConfig(text)).toThrow(
    "line 2: queue-storage.driver: 'memory' loses the queues at each restart, and storage 'pg-1' keeps their items; " +
      "leave queue-storage out to keep the queues in 'pg-1', or give it a durable driver",
  );
});

test('drivers declare the capabilities of their storages as data', async () => {
  const deps = {
    ...{ clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger },
    shared: new SharedResources(),
  };
  const configs: Readonly<Record<string, Record<string, string>>> = {
    postgres: PG.config,
    sqlite: { path: 'any.db' },
  };
  for (const [name, driver] of OWN_DRIVERS) {
    const backend = new ConfiguredDriver(driver, { config: configs[name] ?? {} }).create({
      ...deps,
      name: 'any',
    });
    expect(driver.capabilities, name).toEqual(backend.capabilities);
    await backend.close();
  }
});
