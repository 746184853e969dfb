import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { HOUR, itemOf, newFolder, openBackend, payloadsOf } from './support/new-folder.ts';

const KEY = { queue: 'mail', partition: 0 };

/** Expects a call, and a ping, to fail with this text and without effect. */
async function expectFailure(backend: ReturnType<typeof openBackend>, message: string): Promise<void> {
  const produced = backend.partitionStore(KEY).produce(itemOf('refused'), HOUR);
  const failure = { name: 'StorageError', message: `storage 'disk': ${message}`, outcome: 'not-applied' };
  await expect(produced).rejects.toMatchObject(failure);
}

describe('a storage', () => {
  test('fails while its folder is missing, and serves once it is there', async () => {
    const path = join(await newFolder(), 'later', 'queues.db');
    const backend = openBackend(path);
    await expectFailure(
      backend,
      `file '${path}': it cannot be opened or created; check that its folder exists and its permissions ` +
        '(unable to open database file)',
    );
    await expect(backend.ping()).rejects.toMatchObject({ outcome: 'not-applied' });
    await mkdir(join(path, '..'));
    expect(await backend.ping()).toEqual([]);
    await backend.partitionStore(KEY).produce(itemOf('a'), HOUR);
    expect(await payloadsOf(backend)).toEqual(['a']);
  });

  test('creates nothing when it is pinged', async () => {
    const path = join(await newFolder(), 'queues.db');
    await openBackend(path).ping();
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('refuses a file that is not a database, and leaves it as it is', async () => {
    const path = join(await newFolder(), 'queues.db');
    const text = 'not a database '.repeat(1_000);
    await writeFile(path, text);
    const backend = openBackend(path);
    await expectFailure(
      backend,
      `file '${path}': it is not a SQLite database, or it is damaged (file is not a database)`,
    );
    expect(await readFile(path, 'utf8')).toBe(text);
    await rm(path);
    await backend.partitionStore(KEY).produce(itemOf('a'), HOUR);
    expect(await payloadsOf(backend)).toEqual(['a']);
  });

  test('refuses the database of another program', async () => {
    const path = join(await newFolder(), 'other.db');
    const other = new DatabaseSync(path);
    other.exec('create table notes (text)');
    other.close();
    await expectFailure(openBackend(path), `file '${path}': another program made it`);
  });

  test('refuses a file of a later version', async () => {
    const path = join(await newFolder(), 'queues.db');
    const backend = openBackend(path);
    await backend.partitionStore(KEY).probe();
    await backend.close();
    const file = new DatabaseSync(path);
    file.exec('pragma user_version = 1000');
    file.close();
    await expectFailure(
      openBackend(path),
      `file '${path}': it was written by a later version of Querator (schema 1000)`,
    );
  });

  test('stops when its file is moved away, makes no new one, and goes on when it is back', async () => {
    const path = join(await newFolder(), 'queues.db');
    const backend = openBackend(path);
    await backend.partitionStore(KEY).produce(itemOf('a'), HOUR);
    await rename(path, `${path}.away`);
    await expectFailure(backend, `file '${path}': it was moved, replaced or deleted while it was in use`);
    await expectFailure(backend, `file '${path}': it is missing`);
    await expect(backend.ping()).rejects.toMatchObject({ message: expect.stringContaining('it is missing') });
    await rename(`${path}.away`, path);
    await backend.partitionStore(KEY).produce(itemOf('b'), HOUR);
    expect(await payloadsOf(backend)).toEqual(['a', 'b']);
  });

  test('reports a damaged page, and serves again once a copy is in place', async () => {
    const path = join(await newFolder(), 'queues.db');
    const backend = openBackend(path);
    await backend.partitionStore(KEY).produce(itemOf('a'), HOUR);
    await backend.close();
    const good = await readFile(path);
    const bad = Buffer.from(good);
    // The first page has the schema. Its header stays, its content does not.
    bad.fill(0xff, 100, 4_096);
    await writeFile(path, bad);
    const other = openBackend(path);
    await expectFailure(
      other,
      `file '${path}': it is damaged; restore it from a backup (database disk image is malformed)`,
    );
    await writeFile(path, good);
    expect(await payloadsOf(other)).toEqual(['a']);
  });
});
