import { addDuration, milliseconds } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useAllOfAccess } from './support/access-records.ts';
import { auditEvent, EVERYTHING } from './support/audit-content.ts';
import { HOUR, item, verdict } from './support/contents.ts';
import { testBackend } from './support/test-backend.ts';

/** Hard to write in SQL, and to read back. */
const NAME = `it's "\\'NULL\\n" {a,b} \\x41 ü€`;
const BYTES = Uint8Array.from({ length: 256 }, (_, n) => n);

/**
 * Settings that are not changed, with the reason. No other setting of a database or a
 * role may change what the server does.
 */
const LEFT_ALONE: readonly (readonly [name: RegExp, reason: string])[] = [
  [/^default_transaction_read_only$/, 'makes a server read-only, which is meant so'],
  [/^(transaction_timeout|idle_session_timeout|temp_file_limit|max_stack_depth)$/, 'limits, which are kept'],
  [/^transaction_/, 'belong to a transaction and are no settings of a database'],
  [/^(log_|debug_print|trace_|backtrace)|_stats$/, 'fill the log of the server, and do nothing else'],
  [
    /^debug_(discard_caches|invalidate|clobber)|^(jit_|debug_).*(dump|profil|debugging)/,
    'slow down by orders of magnitude',
  ],
  [
    /^(zero_damaged_pages|ignore_checksum_failure|wal_skip|allow_system_table_mods)/,
    'for repairs by superusers',
  ],
];

interface Setting {
  readonly name: string;
  readonly vartype: string;
  readonly setting: string;
  readonly enumvals: readonly string[] | null;
  readonly min_val: string | null;
  readonly max_val: string | null;
}

/** Settings that are texts, with another value. */
const TEXTS: Readonly<Record<string, string>> = {
  DateStyle: 'German',
  TimeZone: 'Asia/Kolkata',
  client_encoding: 'LATIN1',
  search_path: 'pg_catalog, public',
  lc_messages: 'C',
  lc_numeric: 'C',
  timezone_abbreviations: 'India',
};

function otherValues({ name, vartype, setting, enumvals, min_val, max_val }: Setting): readonly string[] {
  if (vartype === 'bool') return [setting === 'on' ? 'off' : 'on'];
  if (vartype === 'string') return name in TEXTS ? [TEXTS[name] as string] : [];
  return (enumvals ?? [min_val, max_val]).filter((value) => value !== null && value !== setting) as string[];
}

describe('settings of the database', { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let admin: pg.Client;
  let alternatives: readonly (readonly [name: string, value: string])[];

  beforeAll(async () => {
    database = await createTestDatabase();
    admin = new pg.Client(database.connectionString);
    await admin.connect();
    const { rows } = await admin.query<Setting>(
      `SELECT name, vartype, setting, enumvals, min_val, max_val FROM pg_settings
       WHERE context IN ('user', 'superuser') ORDER BY name`,
    );
    const turned = rows.filter(({ name }) => !LEFT_ALONE.some(([left]) => left.test(name)));
    alternatives = turned.flatMap((each) => otherValues(each).map((value) => [each.name, value] as const));
  });
  afterAll(async () => {
    await admin.end();
    await database.drop();
  });

  /** The results of all calls. They are the same each time, since clock and random numbers are. */
  async function results(query: string): Promise<unknown> {
    const clock = new ManualClock();
    const backend = testBackend(`${database.connectionString}?${query}`, {
      clock,
      random: new SeededRandom(),
    });
    const told: unknown[] = [];
    /**
     * Ids contain numbers of the sequence, which goes on. So they are replaced in the
     * order in which they appear.
     */
    const names = new Map<string, string>();
    const tell = (result: unknown) => {
      const text = JSON.stringify(result, (_, value) => {
        if (typeof value === 'bigint') return value.toString();
        return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
      });
      told.push(
        text?.replaceAll(/0[0-9a-f]{16}[0-9A-Za-z]{10}/g, (id) => {
          if (!names.has(id)) names.set(id, `item ${names.size}`);
          return names.get(id) as string;
        }),
      );
    };
    const queues = backend.queueStore();
    const queue = await queues.create({
      ...{ name: NAME, namespace: NAME, leaseTimeout: HOUR, expireTimeout: HOUR, deadQueue: NAME },
      ...{ maxAttempts: 7, reference: NAME, requestedPartitions: 1 },
      partitions: [{ partition: 0, storageName: NAME }],
    });
    tell([queue, await queues.get(NAME), await queues.list({ namespace: NAME, pivot: '', limit: 5 })]);
    tell([[...(await queues.stamps([NAME, 'NULL']))], await queues.findByDeadQueue(NAME)]);
    tell(await queues.update(NAME, (stored) => ({ ...stored, reference: 'NULL' })));
    const { createdAt } = queue;
    const owner = { createdAt, isThere: async () => true, wasDeleted: async () => false };
    const store = backend.partitionStore({ queue: NAME, partition: 0 }, owner);
    const full = { ...item(NAME), encoding: 'NULL', kind: '{}', payload: BYTES };
    tell(await store.produce([{ items: [item('NULL'), full, { ...full, enqueueAt: clock.now() }] }], HOUR));
    await clock.advance('12345s');
    await clock.advance('1us');
    tell(await store.stats());
    // Another process has to recognise the queue's table by its comment.
    const other = testBackend(database.connectionString, { clock });
    tell(await other.partitionStore({ queue: NAME, partition: 0 }, owner).stats());
    await other.close();
    const leased = await store.lease({ limit: 2, leaseTimeout: HOUR, details: true });
    tell(leased);
    const ids = leased.map(({ id }) => id);
    tell((await store.complete([{ ids: ['NULL'] }, { ids: ids.slice(0, 1) }])).map(verdict));
    tell((await store.complete([{ ids: ['NULL'] }])).map(verdict));
    const metadata = new Map([[NAME, 'NULL']]);
    const groups = [{ key: NAME, items: [{ ...full, metadata }] }];
    const keyed = [{ groups, window: HOUR }];
    for (const newKeys of ['store', 'store', 'refuse'] as const) {
      tell(await store.produceKeyed?.(keyed, { expireTimeout: HOUR, newKeys }));
    }
    tell([await store.countKeys?.(), await store.sweepKeys?.(5)]);
    const carried = await store.readKeys?.({ after: undefined, limit: 5 });
    tell([carried, await store.storeKeys?.(carried?.keys ?? [])]);
    tell(await store.extend?.([{ id: ids[1] ?? '', leaseTimeout: HOUR, maxHold: HOUR }]));
    const items = [{ id: ids[1] ?? '', dead: true, error: NAME }];
    tell((await store.retry([{ items }], { maxAttempts: 7, dead: 'move' })).map(verdict));
    const sweep = { limit: 9, maxAttempts: 7, claimTimeout: milliseconds(1_500), dead: 'move' } as const;
    tell(await store.sweep(sweep));
    const plain = { isLeased: false, attempts: 0, maxAttempts: 0 };
    const dated = { ...full, ...plain, sourceId: NAME, expireDeadline: clock.now(), enqueueAt: clock.now() };
    tell(await store.import([{ ...full, ...plain }, dated, { ...dated, isLeased: true }], HOUR));
    await store.prepareLetters([{ ...full, sourceId: 'NULL' }], {
      expireTimeout: HOUR,
      autoCommitTimeout: HOUR,
    });
    tell(await store.commitLetters(['NULL']));
    for (const state of ['queued', 'scheduled'] as const) {
      tell(await store.list({ state, pivot: '', limit: 10, details: true }));
    }
    tell(await backend.poll([{ queue: NAME, partition: 0 }], { deadlines: true }));
    tell(await store.clear({ waiting: true, leased: true, scheduled: true }));
    await store.drop();
    const until = addDuration(clock.now(), HOUR);
    tell(await queues.pause?.(NAME, { produce: { until }, lease: { until: undefined } }));
    const event = auditEvent(NAME, { namespace: NAME, object: { queue: NAME }, items: 3 });
    tell(await queues.delete(NAME, createdAt, undefined, () => event));
    tell(await backend.auditStore().list(EVERYTHING));
    const access = backend.accessStore();
    await useAllOfAccess(access, NAME);
    tell(await access.generation());
    const record = { id: 'a', name: NAME, version: NAME, storages: [], capabilities: [NAME] };
    tell(await backend.instanceStore().beat(record));
    await backend.close();
    return told;
  }

  async function resultsWith(settings: typeof alternatives, query: string): Promise<unknown> {
    const change = settings.map(
      ([name, value]) =>
        `ALTER DATABASE ${database.name} SET ${name} = ${name === 'search_path' ? value : pg.escapeLiteral(value)}`,
    );
    await admin.query(change.join('; '));
    try {
      return await results(query);
    } catch (error) {
      return String(error);
    } finally {
      await admin.query(`ALTER DATABASE ${database.name} RESET ALL`);
      // A failed round left its tables.
      await admin.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    }
  }

  /** The settings that change a result. Tries many at once, and halves of them where something is wrong. */
  async function thatMatter(
    settings: typeof alternatives,
    expected: unknown,
    query: string,
  ): Promise<readonly string[]> {
    const got = await resultsWith(settings, query);
    if (JSON.stringify(got) === JSON.stringify(expected)) return [];
    if (settings.length === 1) return [`${settings[0]?.join(' = ')}: ${got}`];
    const half = Math.ceil(settings.length / 2);
    const parts = [settings.slice(0, half), settings.slice(half)];
    const matter: string[] = [];
    for (const part of parts) matter.push(...(await thatMatter(part, expected, query)));
    return matter;
  }

  test.each(['', 'pooler=session', 'pooler=transaction'])('change no result: %s', async (query) => {
    const expected = await resultsWith([['geqo', 'on']], query);
    const transactions = query === 'pooler=transaction';
    expect(expected).toBeInstanceOf(Array);
    expect(alternatives.length).toBeGreaterThan(100);
    // The values of one setting go into different rounds.
    const rounds = new Map<string, number>();
    const parts: (typeof alternatives)[number][][] = [];
    for (const each of alternatives) {
      // A transaction has begun before a setting can be made in it. Such a server is refused.
      if (transactions && each[0] === 'default_transaction_isolation') continue;
      const round = rounds.get(each[0]) ?? 0;
      rounds.set(each[0], round + 1);
      parts[round] ??= [];
      parts[round]?.push(each);
    }
    const matter: string[] = [];
    for (const part of parts) matter.push(...(await thatMatter(part, expected, query)));
    expect(matter).toEqual([]);
  });
});
