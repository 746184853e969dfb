import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { StorageBackup } from '@querator/core';
import { expect, test, vi } from 'vitest';
import { driver } from '../src/index.ts';
import { HOUR, itemOf, newFolder, openBackend, payloadsOf } from './support/new-folder.ts';

// Each test waits for the disk many times, and the disk may be busy.
vi.setConfig({ testTimeout: 120_000 });

const PROGRAM = fileURLToPath(new URL('./backup-process.ts', import.meta.url));

function backupOf(path: string): StorageBackup {
  const backup = driver.backup?.({ path });
  if (backup === undefined) throw new Error('no backup');
  return backup;
}

/** A file with one item, and nobody uses it. */
async function oneItem(path: string) {
  const backend = openBackend(path);
  await backend.partitionStore({ queue: 'mail', partition: 0 }).produce(itemOf('a'), HOUR);
  await backend.close();
}

test('a backup under load has all that was acknowledged before, and whole requests', async () => {
  const folder = await newFolder();
  const [path, copy] = [join(folder, 'queues.db'), join(folder, 'copy.db')];
  const backend = openBackend(path);
  const partition = backend.partitionStore({ queue: 'mail', partition: 0 });
  let produced = 0;
  const produceOne = async () => {
    const request = produced++;
    const items = [0, 1, 2].map((part) => ({
      ...{ encoding: '', kind: '', reference: '' },
      payload: new TextEncoder().encode(`${request}/${part}`),
    }));
    await partition.produce([{ items }], HOUR);
  };
  for (let n = 0; n < 200; n++) await produceOne();
  const before = await payloadsOf(backend);
  let isBackingUp = true;
  const args = ['--conditions=@querator/source', PROGRAM, path, copy];
  const backup = promisify(execFile)(process.execPath, args).finally(() => {
    isBackingUp = false;
  });
  while (isBackingUp) await produceOne();
  await backup;
  const after = await payloadsOf(backend);
  expect(after.length).toBeGreaterThan(before.length);

  const restored = await payloadsOf(openBackend(copy));
  expect(restored.slice(0, before.length)).toEqual(before);
  expect(after.slice(0, restored.length)).toEqual(restored);
  expect(restored.length % 3).toBe(0);
});

test('a backup is one file that only its owner can read, also of a file that nobody uses', async () => {
  const [folder, other] = [await newFolder(), await newFolder()];
  await oneItem(folder);
  const copy = join(other, 'copy.db');
  const backup = backupOf(folder);
  expect(backup.source).toBe(join(folder, 'querator.db'));
  expect(await backup.write(copy)).toBe(statSync(copy).size);
  expect(readdirSync(other)).toEqual(['copy.db']);
  expect(statSync(copy).mode & 0o777).toBe(0o600);
  expect(await payloadsOf(openBackend(copy))).toEqual(['a']);
});

test('a move that is in a backup begins anew, and one of a file that was only opened again does not', async () => {
  const folder = await newFolder();
  const [path, copy] = [join(folder, 'queues.db'), join(folder, 'copy.db')];
  const historyIn = async (file: string) => {
    const backend = openBackend(file);
    const claim = { task: 'task', generation: 1 };
    const end = await backend.moveStore?.({ queue: 'mail', partition: 0 }).begin(claim, 'source');
    await backend.close();
    return end?.history;
  };
  const history = await historyIn(path);
  await backupOf(path).write(copy);
  expect(await historyIn(path)).toBe(history);
  expect(await historyIn(copy)).not.toBe(history);
});

test('a backup overwrites nothing', async () => {
  const folder = await newFolder();
  const path = join(folder, 'queues.db');
  await oneItem(path);
  const refused = (target: string) => expect(backupOf(path).write(target)).rejects;
  const file = join(folder, 'there');
  writeFileSync(file, 'old');
  await refused(file).toMatchObject({
    message: `file '${file}': it exists already, and a backup overwrites nothing`,
  });
  await refused(path).toMatchObject({ outcome: 'not-applied' });
  await refused(folder).toMatchObject({ outcome: 'not-applied' });
  const copy = join(folder, 'copy.db');
  writeFileSync(`${copy}.partial`, 'of another backup');
  await refused(copy).toMatchObject({
    message: expect.stringContaining('another backup writes it, or was killed'),
  });
  expect(readFileSync(file, 'utf8')).toBe('old');
  expect(readFileSync(`${copy}.partial`, 'utf8')).toBe('of another backup');
  expect(existsSync(copy)).toBe(false);
  expect(await payloadsOf(openBackend(path))).toEqual(['a']);
});

test('a backup that is interrupted leaves nothing behind at once, and another one can follow', async () => {
  const folder = await newFolder();
  const [path, copy] = [join(folder, 'queues.db'), join(folder, 'copy.db')];
  await oneItem(path);
  const controller = new AbortController();
  const copies = () => readdirSync(folder).filter((name) => name.startsWith('copy'));
  const writing = expect(backupOf(path).write(copy, controller.signal)).rejects.toThrow('aborted');
  expect(copies().sort()).toEqual(['copy.db.partial', 'copy.db.partial-owner']);
  controller.abort();
  expect(copies()).toEqual([]);
  await writing;
  await expect(backupOf(path).write(copy, controller.signal)).rejects.toThrow('aborted');
  await backupOf(path).write(copy);
  expect(copies()).toEqual(['copy.db']);
});

test('a backup replaces what a killed one has left, and nothing of one that lives', async () => {
  const folder = await newFolder();
  const [path, copy] = [join(folder, 'queues.db'), join(folder, 'copy.db')];
  await oneItem(path);
  const leave = (host: string, pid: number | undefined) => {
    writeFileSync(`${copy}.partial`, 'half a copy');
    writeFileSync(`${copy}.partial-owner`, JSON.stringify({ host, pid }));
  };
  const refused = () =>
    expect(backupOf(path).write(copy)).rejects.toMatchObject({
      message: expect.stringContaining('another backup writes it, or was killed'),
    });
  const ended = spawnSync(process.execPath, ['--version']).pid;
  leave(hostname(), process.ppid);
  await refused();
  leave('another machine', ended);
  await refused();
  leave(hostname(), undefined);
  await refused();
  leave(hostname(), ended);
  await backupOf(path).write(copy);
  expect(readdirSync(folder).filter((name) => name.startsWith('copy'))).toEqual(['copy.db']);
  expect(await payloadsOf(openBackend(copy))).toEqual(['a']);
});

test('a backup does not publish a draft that another one has replaced', async () => {
  const folder = await newFolder();
  const [path, copy] = [join(folder, 'queues.db'), join(folder, 'copy.db')];
  await oneItem(path);
  const writing = expect(backupOf(path).write(copy)).rejects.toThrow();
  renameSync(`${copy}.partial`, join(folder, 'moved away'));
  writeFileSync(`${copy}.partial`, '');
  await writing;
  expect(existsSync(copy)).toBe(false);
  expect(existsSync(`${copy}.partial`)).toBe(true);
});

test('a backup that fails says why, and leaves nothing behind', async () => {
  const folder = await newFolder();
  const path = join(folder, 'queues.db');
  const target = join(folder, 'copy.db');
  const refused = (source: string, to = target) => expect(backupOf(source).write(to)).rejects;
  await refused(path).toMatchObject({ message: `file '${path}': it is missing` });
  expect(readdirSync(folder)).toEqual([]);
  await oneItem(path);
  const far = join(folder, 'missing', 'copy.db');
  await refused(path, far).toMatchObject({
    message: expect.stringContaining(`file '${far}.partial': ENOENT`),
  });

  const foreign = join(folder, 'foreign.db');
  const database = new DatabaseSync(foreign);
  database.exec('create table t (a)');
  database.close();
  await refused(foreign).toMatchObject({ message: `file '${foreign}': another program made it` });

  const damaged = join(folder, 'damaged.db');
  await copyFile(path, damaged);
  const bytes = readFileSync(damaged);
  // Behind the first page, which has the schema.
  bytes.fill(0x5a, 4_096);
  writeFileSync(damaged, bytes);
  await refused(damaged).toMatchObject({
    message: expect.stringMatching(new RegExp(`^file '${damaged}': it is damaged`)),
  });
  expect(readdirSync(folder).filter((name) => name.startsWith('copy'))).toEqual([]);
});
