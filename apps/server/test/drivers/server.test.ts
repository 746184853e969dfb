import { join } from 'node:path';
import { type Logger, SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type Config,
  defaultConfig,
  loadConfig,
  parseConfig,
  type RunningServer,
  startServer,
} from '../../src/index.ts';
import { Terminal } from '../cli/support/terminal.ts';
import { DriverFolder } from './support/driver-folder.ts';
import { driver } from './support/lasting-driver.ts';

const FILE = join(import.meta.dirname, 'support/lasting-driver.ts');

const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
const storage = (config: object) => ({ name: 'main', driver: 'lasting', affinity: 1, config: { ...config } });
/** Settings that a program makes itself. */
const made = (config: object): Config => ({
  ...defaultConfig(),
  ...{ address: '127.0.0.1:0', 'partition-storage': [storage(config)] },
  'queue-storage': { partitionStorage: 'main' },
});

let server: RunningServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function call(path: string, body: object): Promise<Record<string, unknown>> {
  const reply = await fetch(`${server?.url}/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const json = (await reply.json()) as Record<string, unknown>;
  expect(reply.status, JSON.stringify(json)).toBe(200);
  return json;
}

async function produceOne(queueName: string): Promise<void> {
  const timeouts = { leaseTimeout: '1m', expireTimeout: '1h' };
  await call('queues.create', { queueName, requestedPartitions: 1, ...timeouts });
  await call('queue.produce', { queueName, requestTimeout: '5s', items: [{ utf8: 'hello', kind: 'k' }] });
}

async function leaseOne(queueName: string): Promise<unknown> {
  const { items } = await call('queue.lease', {
    ...{ queueName, batchSize: 1, clientId: 'c', requestTimeout: '5s' },
  });
  return items;
}

describe('a server with a driver of others', () => {
  test('that its configuration names keeps queues and items there', async () => {
    const folder = new DriverFolder();
    const file = folder.configFile(FILE, ['place: named']);
    const config = { ...(await loadConfig(file)), address: '127.0.0.1:0' };
    server = await startServer(config, deps);
    await produceOne('mail');
    await server.stop();
    server = await startServer(config, deps);
    expect(await leaseOne('mail')).toMatchObject([{ kind: 'k' }]);
  });

  test('that a program passes works with settings of a text, and with settings that the program made', async () => {
    const text = JSON.stringify({
      address: '127.0.0.1:0',
      'partition-storage': [storage({ place: 'given' })],
    });
    server = await startServer(parseConfig(text, undefined, [driver]), deps);
    await produceOne('mail');
    await server.stop();
    server = await startServer(made({ place: 'given' }), { ...deps, drivers: [driver] });
    expect(await leaseOne('mail')).toMatchObject([{ kind: 'k' }]);
  });

  test('does not start with options that the driver refuses, or without the driver', async () => {
    await expect(startServer(made({}), { ...deps, drivers: [driver] })).rejects.toThrow(
      'main.config.place: required, a name of a place',
    );
    await expect(startServer(made({ place: 'a' }), deps)).rejects.toThrow(
      "main.driver: invalid driver; 'lasting' is not one of (memory, postgres, sqlite)",
    );
  });

  test.each([
    [[driver, driver], "'drivers' has two drivers 'lasting'"],
    [
      [{ ...driver, name: 'postgres' }],
      "'drivers' has a driver 'postgres', which is a name of the server's own",
    ],
    [
      [{ ...driver, portVersion: 2 as 1 }],
      "a value of 'drivers' was made for version 2 of the storage ports",
    ],
  ])('does not start with wrong drivers: %#', async (drivers, message) => {
    await expect(startServer(made({ place: 'a' }), { ...deps, drivers })).rejects.toThrow(message);
  });

  test('shows no option if the driver cannot create a storage', async () => {
    const starting = startServer(made({ place: 'refused-hunter2' }), { ...deps, drivers: [driver] });
    const error: Error = await starting.then(
      () => {
        throw new Error('the server started');
      },
      (reason: Error) => reason,
    );
    expect(error.message).toBe("storage 'main' cannot be created by driver 'lasting': no such place: …");
    expect(error.cause).toBeUndefined();
  });

  test('does not start with a storage that is not what it claims to be', async () => {
    const boastful = {
      ...driver,
      create: (...given: Parameters<typeof driver.create>) => {
        const backend = driver.create(...given);
        return { ...backend, capabilities: { ...backend.capabilities, tasks: true, access: false } };
      },
    };
    await expect(startServer(made({ place: 'a-boast' }), { ...deps, drivers: [boastful] })).rejects.toThrow(
      "storage 'main' cannot be created by driver 'lasting': the storage claims 'tasks', but the backend has no " +
        "taskStore; it does not claim 'access', but the backend has accessStore",
    );
  });

  test('shows in its health what the storage claims', async () => {
    server = await startServer(made({ place: 'health' }), { ...deps, drivers: [driver] });
    const reply = await fetch(`${server.url}/health`);
    expect(((await reply.json()) as { checks: object }).checks).toMatchObject({
      'main:storage': [
        { status: 'pass', capabilities: expect.arrayContaining(['durable', 'find', 'access']) },
      ],
    });
  });

  test('warns at its start about storages that lose their contents, by the claims of the driver', async () => {
    const lines: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (message) => void lines.push(message) };
    const forgetful = { ...driver, capabilities: { ...driver.capabilities, durable: false } };
    server = await startServer(made({ place: 'a' }), { ...deps, logger, drivers: [forgetful] });
    expect(lines).toContain('everything is in memory: queues and items are gone when this process ends');
  });
});

describe('commands that work without a server', () => {
  const terminal = new Terminal(fetch);
  const env = (place: string) => ({
    env: { QUERATOR_CONFIG: new DriverFolder().configFile(FILE, [`place: ${place}`]) },
  });

  test('storage list, adopt and drop use the tables of the driver', async () => {
    const listed = await terminal.ok('storage list', env('cli'));
    expect(JSON.parse(listed.stdout)).toMatchObject({
      tables: [{ storage: 'main', table: 'table of cli', state: 'no-queue', items: 3 }],
    });
    await terminal.ok('storage adopt x', env('cli'));
    await terminal.ok('storage drop x --yes', env('cli'));
  });

  test('admin recover creates an administrator in the storage of the driver', async () => {
    const { stdout } = await terminal.ok('admin recover', env('admins'));
    expect(stdout).toContain('qtr-');
    const again = await loadConfig(new DriverFolder().configFile(FILE, ['place: admins']));
    const secured = { ...again, address: '127.0.0.1:0', 'auth-backend': { driver: 'internal' as const } };
    server = await startServer(secured, deps);
    const [key] = /qtr-[0-9A-Za-z-]+/.exec(stdout) ?? [];
    const reply = await fetch(`${server.url}/v1/queues.list`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: '{}',
    });
    expect(reply.status).toBe(200);
  });

  test('refuse a configuration whose driver is missing', async () => {
    const file = new DriverFolder().configFile('acme-storage');
    const { code, stderr } = await terminal.run(['storage', 'list'], { env: { QUERATOR_CONFIG: file } });
    expect(code).toBe(1);
    expect(stderr).toContain(
      "line 3: partition-storage[0].driver: invalid driver; 'acme-storage' is not one of",
    );
  });
});
