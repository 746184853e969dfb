import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { HOUR, itemOf, newFolder, openBackend, payloadsOf } from './support/new-folder.ts';

const WRITER = fileURLToPath(new URL('./writer-process.ts', import.meta.url));

test('a file of another process is refused by name, and free once that process is killed', async () => {
  const path = join(await newFolder(), 'queues.db');
  const other = fork(WRITER, [path], { execArgv: ['--conditions=@querator/source'] });
  onTestFinished(() => void other.kill('SIGKILL'));
  await once(other, 'message');
  other.send(0);
  const [held] = (await once(other, 'message')) as [string[]];

  const backend = openBackend(path);
  const partition = backend.partitionStore({ queue: 'mail', partition: 0 });
  await expect(partition.produce(itemOf('refused'), HOUR)).rejects.toMatchObject({
    message: expect.stringMatching(
      new RegExp(
        `^storage 'disk': file '.*queues.db': process ${other.pid} on .* uses it; one process at a time`,
      ),
    ),
    outcome: 'not-applied',
  });
  await expect(backend.ping()).rejects.toMatchObject({ outcome: 'not-applied' });

  other.kill('SIGKILL');
  await once(other, 'exit');
  await partition.produce(itemOf('later'), HOUR);
  expect((await payloadsOf(backend)).map((text) => text.trim())).toEqual([...held, 'later']);
});

test('two storages of one program share a file only through one registry', async () => {
  const path = join(await newFolder(), 'queues.db');
  const first = openBackend(path, { name: 'first' });
  await first.partitionStore({ queue: 'mail', partition: 0 }).probe();
  const second = openBackend(path, { name: 'second' });
  const other = second.partitionStore({ queue: 'mail', partition: 0 });
  await expect(other.probe()).rejects.toMatchObject({
    message: expect.stringMatching(`storage 'second': .* process ${process.pid} on `),
  });
  await first.close();
  await other.probe();
});
