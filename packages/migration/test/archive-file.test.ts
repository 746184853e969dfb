import {
  appendFile,
  copyFile,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { progressFileOf } from '../src/archive/archive-file.ts';
import { ArchiveFault, ArchiveFile, type ResumePoint } from '../src/index.ts';
import { itemsOf, writeArchive } from './support/archive.ts';
import { anyItem, shown } from './support/items.ts';

let folder = '';
let count = 0;
const fresh = (ending: string) => join(folder, `${count++}${ending}`);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'archive-'));
});
afterAll(() => rm(folder, { recursive: true }));

const POINT: ResumePoint = {
  ...{ header: { id: 'x', createdAt: '' }, chain: 'ab', queues: ['q'] },
  ...{ written: [{ items: 1, digest: '1' }], cursor: 'c' },
};

describe.each(['.ndjson', '.ndjson.zst'])('an archive in a file %s', (ending) => {
  test('has what was written to it, and nothing beside it in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(anyItem, { maxLength: 3 }), { maxLength: 3 }), async (parts) => {
        const file = fresh(ending);
        await writeArchive(await ArchiveFile.create(file), parts);
        expect(shown(await itemsOf(await readFile(file), 1_000))).toEqual(shown(parts.flat()));
        await expect(stat(progressFileOf(file))).rejects.toThrow('ENOENT');
        expect(await ArchiveFile.resume(file)).toBeUndefined();
      }),
      { numRuns: 20 },
    );
  });

  test('goes on behind the last part that is durable', async () => {
    const file = fresh(ending);
    const first = await ArchiveFile.create(file);
    await first.append(Buffer.from('first\n'), { ...POINT, cursor: 'a' });
    const { size } = await stat(file);
    await first.append(Buffer.from('second\n'), POINT);
    await appendFile(file, 'a piece of a third part');
    const resumed = await ArchiveFile.resume(file);
    expect(resumed?.from).toEqual(POINT);
    await resumed?.archive.finish(Buffer.from('third\n'));
    const whole = fresh(ending);
    const other = await ArchiveFile.create(whole);
    for (const part of ['first\n', 'second\n']) await other.append(Buffer.from(part), POINT);
    await other.finish(Buffer.from('third\n'));
    expect(await readFile(file)).toEqual(await readFile(whole));
    expect(size).toBeGreaterThan(0);
  });

  test('is not held open between two parts', async () => {
    const [file, moved] = [fresh(ending), fresh(ending)];
    const archive = await ArchiveFile.create(file);
    await archive.append(Buffer.from('first\n'), POINT);
    const { size } = await stat(file);
    await rename(file, moved);
    await copyFile(moved, file);
    await archive.finish(Buffer.from('second\n'));
    expect((await stat(file)).size).toBeGreaterThan(size);
    expect((await stat(moved)).size).toBe(size);
  });

  test('begins anew if no part is durable', async () => {
    const file = fresh(ending);
    await ArchiveFile.create(file);
    await writeFile(file, 'a piece of the first part');
    const resumed = await ArchiveFile.resume(file);
    expect(resumed?.from).toBeUndefined();
    expect((await stat(file)).size).toBe(0);
  });

  test('is never overwritten, and not resumed if it lost a part or does not exist', async () => {
    const file = fresh(ending);
    const archive = await ArchiveFile.create(file);
    await expect(ArchiveFile.create(file)).rejects.toThrow(ArchiveFault);
    await archive.append(Buffer.from('first\n'), POINT);
    await truncate(file, 2);
    await expect(ArchiveFile.resume(file)).rejects.toThrow(/has 2 bytes, and \d+ were written/);
    await expect(ArchiveFile.resume(fresh(ending))).rejects.toThrow('does not exist');
  });
});
