import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { createService } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';
import { createTestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { expect, test } from 'vitest';
import { HealthChecks, type HealthDeps } from '../../src/http/health/health.ts';
import { parseConfig, startServer } from '../../src/index.ts';
import { readReply } from '../support/test-server.ts';

/** A service on two storages, one of which stores the queues, with its health checks. */
class Ward {
  readonly clock = new ManualClock();
  readonly one = this.#storage('one');
  readonly two = this.#storage('two');
  readonly service = createService({
    ...{ clock: this.clock, random: new SeededRandom(), queueStore: this.one.queueStore() },
    storages: [this.one, this.two].map((backend) => ({ backend, affinity: 1 })),
  });
  readonly health: HealthChecks;

  constructor(deps: Partial<HealthDeps> = {}) {
    this.health = new HealthChecks({
      ...{ clock: this.clock, logger: silentLogger, queueStore: this.one.queueStore() },
      storages: [this.one, this.two],
      partitions: () => this.service.partitions(),
      isStopping: () => false,
      ...deps,
    });
  }

  check(query = 'requireStorage=all') {
    return this.health.check(new URLSearchParams(query));
  }

  #storage(name: string): FaultyStorage {
    return new FaultyStorage(memoryBackend({ name, clock: this.clock, random: new SeededRandom() }));
  }
}

const queue = (queueName: string, requestedPartitions: number) => ({
  ...{ queueName, requestedPartitions, namespace: '', leaseTimeout: '1m', expireTimeout: '1h' },
  ...{ deadQueue: '', maxAttempts: 0, reference: '' },
});

test('the check of a storage warns of partitions out of service, with their number', async () => {
  const ward = new Ward();
  for (const name of ['a', 'b']) {
    await ward.service.queues.create(queue(name, 4));
    await ward.service.queue.stats(name);
  }
  expect((await ward.check()).checks['two:storage']?.[0]).not.toHaveProperty('output');
  for (let partition = 0; partition < 4; partition++) ward.two.cut(partition);
  await ward.service.queue.reload('a');
  const { status, checks } = await ward.check();
  expect(status).toBe('pass');
  expect(checks['one:storage']?.[0]?.status).toBe('pass');
  expect(checks['two:storage']?.[0]).toMatchObject({
    ...{ status: 'warn', output: '2 of 4 partitions at work are out of service' },
  });
  for (let partition = 0; partition < 4; partition++) ward.two.heal(partition);
  await ward.service.queue.reload('a');
  expect((await ward.check()).checks['two:storage']?.[0]?.status).toBe('pass');
});

test('all requests within a second get the result of one check', async () => {
  const ward = new Ward({ freshForMs: 1_000 });
  let pings = 0;
  const { ping } = ward.two;
  ward.two.ping = () => {
    pings++;
    return ping.call(ward.two);
  };
  for (let n = 0; n < 100; n++) expect((await ward.check()).status).toBe('pass');
  ward.two.setReachable(false);
  await ward.clock.advance('999ms');
  expect((await ward.check()).status).toBe('pass');
  expect(pings).toBe(1);
  await ward.clock.advance('1ms');
  for (let n = 0; n < 100; n++) expect((await ward.check()).status).toBe('fail');
  expect(pings).toBe(2);
});

test('requireStorage=all requires the storage of queues to accept writes too', async () => {
  const clock = new ManualClock();
  const queues = new FaultyStorage(memoryBackend({ name: 'q', clock, random: new SeededRandom() }));
  const ward = new Ward({ queueStorage: queues, queueStore: queues.queueStore() });
  expect((await ward.check()).status).toBe('pass');
  queues.setReachable(false);
  const { status, checks } = await ward.check();
  expect([status, checks['queues:storage']?.[0]?.status]).toEqual(['fail', 'fail']);
  expect((await ward.check('')).status).toBe('pass');
});

test('a database in which no table can be created fails, and only the log names the right', async () => {
  const [queues, database] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  const admin = new pg.Client(database.connectionString);
  await admin.connect();
  const role = `${database.name}_poor`;
  await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'hush'; REVOKE CREATE ON SCHEMA public FROM PUBLIC`);
  const url = new URL(database.connectionString);
  url.username = role;
  url.password = 'hush';
  const logged: string[] = [];
  const config = parseConfig(
    JSON.stringify({
      address: '127.0.0.1:0',
      'queue-storage': { driver: 'postgres', config: { 'connection-string': queues.connectionString } },
      'partition-storage': [{ name: 'poor', driver: 'postgres', config: { 'connection-string': url.href } }],
    }),
  );
  const server = await startServer(config, {
    ...{ clock: new SystemClock(), random: new SystemRandom() },
    logger: {
      ...silentLogger,
      warn: (message, fields) => void logged.push(`${message}: ${fields?.['err']}`),
    },
  });
  const check = async () => {
    const reply = await readReply(await fetch(`${server.url}/health?requireStorage=all`));
    return [
      reply.status,
      reply.json.checks['poor:storage'][0].status,
      reply.json.checks['poor:storage'][0].output,
    ];
  };
  expect(await check()).toEqual([503, 'fail', 'storage check failed']);
  expect(logged.join()).toContain(`rights are missing: GRANT CREATE ON SCHEMA public TO ${role}`);
  await admin.query(`GRANT CREATE ON SCHEMA public TO ${role}`);
  await expect.poll(check, { timeout: 10_000 }).toEqual([200, 'pass', undefined]);
  await server.stop();
  await admin.query(`DROP OWNED BY ${role}`);
  await admin.query(`DROP ROLE ${role}`);
  await admin.end();
  await Promise.all([queues.drop(), database.drop()]);
}, 60_000);
