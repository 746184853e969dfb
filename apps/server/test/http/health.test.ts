import {
  claimedCapabilities,
  type InstanceView,
  type LogFields,
  SystemClock,
  SystemRandom,
  silentLogger,
  UNSET_INSTANT,
} from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { MEMORY_CAPABILITIES, memoryBackend } from '@querator/storage-memory';
import { POSTGRES_CAPABILITIES } from '@querator/storage-postgres';
import { createTestDatabase, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { describe, expect, test, vi } from 'vitest';
import { HealthChecks } from '../../src/http/health/health.ts';
import { parseConfig, startServer } from '../../src/index.ts';
import { readReply, useServer } from '../support/test-server.ts';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);

/** The health of three storages in memory that can be made to fail. */
class Ward {
  readonly clock = new ManualClock();
  readonly logged: string[] = [];
  readonly queues: FaultyStorage;
  readonly storages: readonly FaultyStorage[];
  stopping = false;
  readonly checks: HealthChecks;

  constructor(instances?: InstanceView) {
    const make = (name: string) =>
      new FaultyStorage(memoryBackend({ name, clock: this.clock, random: new SeededRandom() }));
    this.queues = make('queues');
    this.storages = ['one', 'two', 'three'].map(make);
    const log = (message: string, fields?: LogFields) =>
      this.logged.push(`${message}: ${fields?.['storage']}`);
    this.checks = new HealthChecks({
      clock: this.clock,
      logger: { debug: log, info: log, warn: log, error: log },
      queueStore: this.queues.queueStore(),
      storages: this.storages,
      isStopping: () => this.stopping,
      instances: () => instances,
    });
  }

  check(query = '') {
    return this.checks.check(new URLSearchParams(query));
  }

  async status(query = ''): Promise<string> {
    return (await this.check(query)).status;
  }
}

/** What the storages of these tests can do. */
const CLAIMS = { memory: MEMORY_CAPABILITIES, postgres: POSTGRES_CAPABILITIES };

describe('GET /health', () => {
  describe.each(['memory', 'postgres'] as const)('on %s', (storage) => {
    const server = useServer(storage);

    test('has the documented check for the queues, and one for each storage', async () => {
      const reply = await vi.waitFor(async () => {
        const each = await readReply(await fetch(`${server.url}/health`));
        // The servers are read soon after the start.
        expect(each.json.checks).toHaveProperty('instances:count');
        return each;
      }, 10_000);
      expect(reply.status).toBe(200);
      expect(reply.headers.get('content-type')).toBe('application/health+json');
      expect(reply.text.endsWith('\n')).toBe(true);
      const check = { componentType: 'datastore', status: 'pass', time: TIME };
      expect(reply.json).toEqual({
        status: 'pass',
        version: expect.any(String),
        checks: {
          'queues:storage': [check],
          'store-0:storage': [
            {
              ...{ ...check, observedValue: expect.any(Number), observedUnit: 'ms' },
              capabilities: claimedCapabilities(CLAIMS[storage]),
            },
          ],
          'instances:count': [
            { ...check, componentType: 'system', observedValue: 1, observedUnit: 'servers' },
          ],
        },
      });
      expect(reply.json.checks['store-0:storage'][0].observedValue).toBeGreaterThanOrEqual(0);
    });

    test.each(['all', 'one', 'queue-info', 'quorum&quorum=1'])('requireStorage=%s passes', async (wanted) => {
      expect((await fetch(`${server.url}/health?requireStorage=${wanted}`)).status).toBe(200);
    });

    test.each([
      [
        'requireStorage=most',
        "requireStorage is invalid; 'most' is none of 'all', 'one', 'queue-info' and 'quorum'",
      ],
      ['requireStorage=', "requireStorage is invalid; '' is none of 'all', 'one', 'queue-info' and 'quorum'"],
      ['requireStorage=quorum', 'quorum is invalid; it is missing, expected a number from 1 to 1'],
      [
        'requireStorage=quorum&quorum=2',
        "quorum is invalid; '2' is out of range, expected a number from 1 to 1",
      ],
      [
        'requireStorage=quorum&quorum=0',
        "quorum is invalid; '0' is out of range, expected a number from 1 to 1",
      ],
      [
        'requireStorage=quorum&quorum=x',
        "quorum is invalid; 'x' is out of range, expected a number from 1 to 1",
      ],
      ['quorum=1', "quorum is invalid; it goes with 'requireStorage=quorum' only"],
      ['requireStorage=all&quorum=1', "quorum is invalid; it goes with 'requireStorage=quorum' only"],
    ])('%s is refused', async (query, message) => {
      const headers = { Accept: 'application/json' };
      const reply = await readReply(await fetch(`${server.url}/health?${query}`, { headers }));
      expect(reply.status).toBe(400);
      expect(reply.json.message).toBe(message);
    });
  });

  test('warns about a server of an older version, and passes', async () => {
    const older = { id: 'x', name: 'database session 7', text: 'database session 7 (orders)' };
    const ward = new Ward({ now: UNSET_INSTANT, instances: [], unrecorded: [older] });
    const { status, checks } = await ward.check();
    expect(status).toBe('pass');
    expect(checks['instances:count']).toMatchObject([
      {
        ...{ status: 'warn', observedValue: 1, observedUnit: 'servers' },
        output: 'a server of an older version uses the same database: database session 7 (orders)',
      },
    ]);
  });

  test('the query determines the storages that decide', async () => {
    const ward = new Ward();
    const failing = async (count: number, query: string) => {
      for (const [n, storage] of ward.storages.entries()) storage.setReachable(n >= count);
      return ward.status(query);
    };
    expect(await failing(0, 'requireStorage=all')).toBe('pass');
    expect(await failing(1, 'requireStorage=all')).toBe('fail');
    expect(await failing(2, 'requireStorage=one')).toBe('pass');
    expect(await failing(3, 'requireStorage=one')).toBe('fail');
    expect(await failing(1, 'requireStorage=quorum&quorum=2')).toBe('pass');
    expect(await failing(2, 'requireStorage=quorum&quorum=2')).toBe('fail');
    expect(await failing(3, 'requireStorage=queue-info')).toBe('pass');
    expect(await failing(3, '')).toBe('pass');
    ward.queues.cutQueues();
    for (const wanted of ['', 'queue-info', 'all', 'one']) {
      expect(await failing(0, wanted === '' ? '' : `requireStorage=${wanted}`)).toBe('fail');
    }
  });

  test('each storage has its own check, and the log names a failure once', async () => {
    const ward = new Ward();
    ward.storages[1]?.setReachable(false);
    const { checks } = await ward.check();
    await ward.check();
    expect(checks['two:storage']).toEqual([
      expect.objectContaining({ status: 'fail', output: 'storage check failed' }),
    ]);
    expect(checks['one:storage']?.[0]?.status).toBe('pass');
    ward.storages[1]?.setReachable(true);
    await ward.check();
    expect(ward.logged).toEqual([
      'storage fails its health check: two',
      'storage passes its health check again: two',
    ]);
  });

  test('a storage that takes longer than five seconds fails, with one check in flight at a time', async () => {
    const ward = new Ward();
    const release = ward.storages[0]?.holdPings();
    const checking = [ward.check(), ward.check()];
    await ward.clock.advance('5s');
    for (const { checks } of await Promise.all(checking)) {
      expect(checks['one:storage']).toEqual([
        expect.objectContaining({ status: 'fail', observedValue: 5_000, observedUnit: 'ms' }),
      ]);
    }
    release?.();
    expect((await ward.check()).checks['one:storage']?.[0]?.status).toBe('pass');
  });

  test('it fails during shutdown, whatever the query requires', async () => {
    const ward = new Ward();
    ward.stopping = true;
    const { status, checks } = await ward.check('requireStorage=queue-info');
    expect(status).toBe('fail');
    expect(checks['queues:storage']).toEqual([
      { componentType: 'datastore', status: 'fail', output: 'storage check failed', time: TIME },
    ]);
  });

  test('no storage is checked during shutdown, and the log does not mention closed storages', async () => {
    const ward = new Ward();
    ward.stopping = true;
    ward.queues.cutQueues();
    for (const storage of ward.storages) storage.setReachable(false);
    expect(Object.keys((await ward.check('requireStorage=all')).checks)).toEqual(['queues:storage']);
    expect(ward.logged).toEqual([]);
  });

  test('a PostgreSQL that is read-only or unreachable fails, without details of the connection', async () => {
    const queues = await createTestDatabase();
    const readOnly = await createTestDatabase();
    const admin = new pg.Client(readOnly.connectionString);
    await admin.connect();
    await admin.query(`ALTER DATABASE ${readOnly.name} SET default_transaction_read_only = on`);
    await admin.end();
    const cluster = await startTemporaryCluster({ volatile: true });
    const gone = cluster.connectionString();
    await cluster.stop();
    const storage = (name: string, connectionString: string) => ({
      ...{ name, driver: 'postgres', config: { 'connection-string': connectionString } },
    });
    const config = parseConfig(
      JSON.stringify({
        address: '127.0.0.1:0',
        'queue-storage': storage('queues', queues.connectionString),
        'partition-storage': [storage('reads', readOnly.connectionString), storage('gone', gone)],
      }).replace('"name":"queues",', ''),
    );
    const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    const server = await startServer(config, deps);
    const { status, json, text } = await readReply(await fetch(`${server.url}/health?requireStorage=one`));
    expect(status).toBe(503);
    expect(json.checks['queues:storage'][0].status).toBe('pass');
    expect(json.checks['reads:storage'][0]).toMatchObject({ status: 'fail', output: 'storage check failed' });
    expect(json.checks['gone:storage'][0]).toMatchObject({ status: 'fail', output: 'storage check failed' });
    expect(text).not.toContain('127.0.0.1');
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    await server.stop();
    await queues.drop();
    await readOnly.drop();
  }, 60_000);
});
