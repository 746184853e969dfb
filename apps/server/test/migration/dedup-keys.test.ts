import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, ensureQueue } from '@querator/client';
import { codecsV2 } from '@querator/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Terminal } from '../cli/support/terminal.ts';
import { killAtEveryCall } from './support/killed-fetch.ts';
import { twoServers } from './support/two-servers.ts';

const FROM_TO = ['--from', 'http://old', '--to', 'http://new'];

describe('the dedup keys of producers', { timeout: 120_000 }, () => {
  const servers = twoServers('v2');
  const terminal = new Terminal(servers.fetch);
  let folder = '';
  let count = 0;
  const name = () => `queue-${count++}`;
  const fresh = (ending: string) => join(folder, `${count++}${ending}`);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keys-'));
    await servers.start();
  });
  afterAll(async () => {
    await servers.stop();
    await rm(folder, { recursive: true });
  });

  const produce = async (client: Client, queueName: string, dedupKey: string) => {
    const items = [{ bytes: Buffer.from(dedupKey), dedupKey }];
    const produced = await client.v2.queue.produce({
      queueName,
      requestTimeout: '5s',
      items,
      dedupWindow: '1h',
    });
    return produced.items[0];
  };

  /** A queue with items under keys, of which the first one was consumed. @returns the ids of the keys. */
  async function queueWithKeys(keys: readonly string[]) {
    const queueName = name();
    await ensureQueue(servers.old, { queue: queueName, partitions: 3 });
    const ids = new Map<string, string>();
    for (const key of keys) ids.set(key, (await produce(servers.old, queueName, key))?.id ?? '');
    const lease = { queueName, clientId: 'c', batchSize: 1, requestTimeout: '5s' };
    const leased = await servers.old.queue.lease(lease);
    await servers.old.queue.complete({
      ...leased,
      ids: leased.items.map(({ id }) => id),
      requestTimeout: '5s',
    });
    return { queueName, ids };
  }

  const itemsAt = async (client: Client, queueName: string) =>
    (await client.v2.items.export({ queueName, limit: 1_000 })).items;

  /** Repeats all produces, each of which must be known at the second server. */
  async function expectKnown(
    queueName: string,
    ids: ReadonlyMap<string, string>,
    at?: string,
  ): Promise<void> {
    for (const [key, id] of ids) {
      expect(await produce(servers.new, queueName, key), at).toMatchObject({ id, duplicate: true });
    }
  }

  const KEYS = ['order/1', 'order/2', 'ä"\\', '\u{1f600}', 'order/3'];

  test('come with a file, counted and hashed, and are stored once', async () => {
    const { queueName, ids } = await queueWithKeys(KEYS);
    const file = fresh('.ndjson');
    const exported = await terminal.run(['export', queueName, '--file', file, '--endpoint', 'http://old']);
    expect(exported.stderr).toBe('Exported 4 item(s) and 5 dedup key(s) of 1 queue(s)\n');
    const importing = ['import', file, '--verify', '--endpoint', 'http://new'];
    const imported = await terminal.run(importing);
    expect(imported.stderr).toBe(
      'Imported 4 item(s); 0 were imported before\nStored 5 dedup key(s); 0 were there already, or have ended\nVerified: the queues hold what the file has, with 5 dedup key(s)\n',
    );
    await expectKnown(queueName, ids);
    expect((await terminal.run(importing)).stderr).toContain(
      'Stored 0 dedup key(s); 5 were there already, or have ended\n',
    );
    expect(await itemsAt(servers.new, queueName)).toHaveLength(4);

    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('order/2', 'order/9'));
    expect((await terminal.run(importing)).stderr).toContain(
      'the lines since the last checkpoint are not those',
    );
  });

  test('of imports and moves stay, for they protect those only', async () => {
    const { queueName } = await queueWithKeys(['a']);
    const items = [{ payload: Buffer.from('b'), dedupKey: 'import/x/y' }];
    await servers.old.v2.items.import({ queueName, items });
    const { stderr } = await terminal.run([
      ...['export', queueName, '--file', fresh('.zst'), '--endpoint', 'http://old'],
    ]);
    expect(stderr).toBe('Exported 1 item(s) and 1 dedup key(s) of 1 queue(s)\n');
  });

  test.each([[[]], [['--live']]])(
    'come with a move, killed before and after every call %j',
    async (flags) => {
      const kills = await killAtEveryCall(servers.fetch, async (kill, at) => {
        const { queueName, ids } = await queueWithKeys(KEYS.slice(0, 3));
        const argv = ['migrate', queueName, ...FROM_TO, ...flags, '--journal', fresh('.json')];
        const run = terminal.run(argv, { fetch: kill.fetch }).then(() => 'ended' as const);
        const outcome = await Promise.race([kill.killed, run]);
        if (outcome === 'killed') {
          for (let partition = 0; partition < 3; partition++) {
            const { items } = await servers.old.storage.itemsList({ queueName, partition, limit: 1_000 });
            const leased = items.filter(({ isLeased }) => isLeased).map((item) => item.id);
            if (leased.length > 0) await servers.old.v2.items.retry({ queueName, partition, ids: leased });
          }
          const again = await terminal.run(argv);
          expect(again.code, `${at}: ${again.stderr}`).toBe(0);
        }
        await expectKnown(queueName, ids, at);
        expect(await itemsAt(servers.new, queueName), at).toHaveLength(2);
        expect(await itemsAt(servers.old, queueName), at).toHaveLength(0);
        return outcome;
      });
      expect(kills).toBeGreaterThan(10);
    },
  );

  const { ItemsExportRequest, ItemsImportRequest } = codecsV2;
  type GivenKeys = ReturnType<typeof ItemsImportRequest.decode>['dedupKeys'];

  /** A server that loses or changes dedup keys of an import, without saying so. */
  const careless = (change: (keys: GivenKeys) => GivenKeys): typeof servers.fetch => {
    return async (url, init) => {
      if (url !== 'http://new/v2/items.import') return servers.fetch(url, init);
      const request = ItemsImportRequest.decode(init?.body as Uint8Array);
      const body = ItemsImportRequest.encode({ ...request, dedupKeys: change(request.dedupKeys) });
      return servers.fetch(url, { ...init, body } as typeof init);
    };
  };

  const SOME_CHANGES = [
    ['holds 4 dedup key(s), and <source> has 5', (keys: GivenKeys) => keys.slice(1)],
    [
      'holds other dedup keys than <source>',
      (keys: GivenKeys) =>
        keys.map((key) => ({ ...key, endsAt: { seconds: (key.endsAt?.seconds ?? 0) + 1, nanos: 0 } })),
    ],
    [
      'holds other dedup keys than <source>',
      (keys: GivenKeys) => keys.map((key) => ({ ...key, key: `${key.key}x` })),
    ],
  ] as const;

  test.each(SOME_CHANGES)('are compared with those of a file: %s', async (fault, change) => {
    const { queueName } = await queueWithKeys(KEYS);
    const file = fresh('.ndjson');
    await terminal.run(['export', queueName, '--file', file, '--endpoint', 'http://old']);
    const fetch = careless(change);
    const { code, stderr } = await terminal.run(['import', file, '--verify', '--endpoint', 'http://new'], {
      fetch,
    });
    expect(code).toBe(1);
    expect(stderr).toContain(`queue '${queueName}' ${fault.replace('<source>', 'the file')}`);
  });

  test.each(SOME_CHANGES)('are compared with those of the first server: %s', async (fault, change) => {
    const { queueName } = await queueWithKeys(KEYS);
    const argv = ['migrate', queueName, ...FROM_TO, '--verify', '--journal', fresh('.json')];
    const { code, stderr } = await terminal.run(argv, { fetch: careless(change) });
    expect(code).toBe(1);
    expect(stderr).toContain(`queue '${queueName}' ${fault.replace('<source>', 'the first server')}`);
  });

  test('are the same after a move', async () => {
    const { queueName } = await queueWithKeys(KEYS);
    const argv = ['migrate', queueName, ...FROM_TO, '--verify', '--journal', fresh('.json')];
    const { code, stderr } = await terminal.run(argv);
    expect(code).toBe(0);
    expect(stderr).toContain('Verified: the second server holds the 5 dedup key(s) of the first one\n');
  });

  /** A server of an earlier version, which ignores the fields that it does not know. */
  const earlier = (host: string): typeof servers.fetch => {
    return async (url, init) => {
      const given = init?.body as Uint8Array;
      const with_ = (body: Uint8Array) => servers.fetch(url, { ...init, body } as typeof init);
      if (url === `http://${host}/v2/items.export`) {
        return with_(ItemsExportRequest.encode({ ...ItemsExportRequest.decode(given), dedupKeys: false }));
      }
      if (url === `http://${host}/v2/items.import`) {
        return with_(ItemsImportRequest.encode({ ...ItemsImportRequest.decode(given), dedupKeys: [] }));
      }
      return servers.fetch(url, init);
    };
  };

  test.each(['old', 'new'])('are named when the %s server is of an earlier version', async (host) => {
    const { queueName } = await queueWithKeys(['a', 'b']);
    const argv = ['migrate', queueName, ...FROM_TO, '--journal', fresh('.json')];
    const { code, stderr } = await terminal.run(argv, { fetch: earlier(host) });
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `Moved 1 item(s) of 1 queue(s); 0 are left\nQueues whose dedup keys are left out, because the server is of an earlier version: ${queueName}\n`,
    });
  });

  test.each([
    ['old', 'migrate'],
    ['new', 'migrate'],
    ['new', 'import'],
  ])('are not compared when the %s server is of an earlier version: %s', async (host, command) => {
    const { queueName } = await queueWithKeys(['a', 'b']);
    const file = fresh('.ndjson');
    await terminal.run(['export', queueName, '--file', file, '--endpoint', 'http://old']);
    const argv =
      {
        migrate: ['migrate', queueName, ...FROM_TO, '--verify', '--journal', fresh('.json')],
        import: ['import', file, '--verify', '--endpoint', 'http://new'],
      }[command] ?? [];
    const { code, stderr } = await terminal.run(argv, { fetch: earlier(host) });
    expect(code).toBe(0);
    expect(stderr).toContain(
      `Queues whose dedup keys are not compared, because the server is of an earlier version: ${queueName}\n`,
    );
  });
});
