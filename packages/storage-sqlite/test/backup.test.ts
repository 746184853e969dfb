import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { HOUR, newFolder, openBackend, payloadsOf } from './support/new-folder.ts';

const PAGE = fileURLToPath(new URL('../../../docs/storage/sqlite.md', import.meta.url));

/** The program of the documented command for a backup. */
function documentedProgram(): string {
  const [, program] =
    /^node -e "(.*)" \/var\/lib\/querator\/queues\.db/m.exec(readFileSync(PAGE, 'utf8')) ?? [];
  if (program === undefined) throw new Error('the page has no command for a backup');
  return program;
}

test('a backup by the documented command under load has all that was acknowledged before, and whole requests', async () => {
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
  const backup = promisify(execFile)(process.execPath, ['-e', documentedProgram(), path, copy]).finally(
    () => {
      isBackingUp = false;
    },
  );
  while (isBackingUp) await produceOne();
  await backup;
  const after = await payloadsOf(backend);
  expect(after.length).toBeGreaterThan(before.length);

  const restored = await payloadsOf(openBackend(copy));
  expect(restored.slice(0, before.length)).toEqual(before);
  expect(after.slice(0, restored.length)).toEqual(restored);
  expect(restored.length % 3).toBe(0);
});
