import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeStorage } from '@querator/storage-conformance';
import { sqliteBackend } from '../src/index.ts';
import { FailingFile } from './failing-file.ts';

describeStorage('sqlite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'querator-sqlite-'));
  let files = 0;
  let commits = 0;
  const name = 'sqlite';
  return {
    open: (options) =>
      sqliteBackend({
        ...{ name, path: join(folder, 'queue.db'), ...options },
        openFile: (path, fileOptions) => {
          const file = new FailingFile(path, fileOptions);
          file.committed = () => void commits++;
          return file;
        },
      }),
    dispose: () => rm(folder, { recursive: true }),
    processes: {
      module: new URL('../src/index.ts', import.meta.url),
      newOptions: () => ({ path: join(folder, `of-processes-${files++}.db`) }),
    },
    openWithFaults: (options) => {
      const opened: FailingFile[] = [];
      const backend = sqliteBackend({
        ...{ name, path: join(folder, 'queue.db'), ...options },
        openFile: (path, fileOptions) => {
          opened.push(new FailingFile(path, fileOptions));
          return opened[0] as FailingFile;
        },
      });
      const set = (fault: FailingFile['fault']) => {
        for (const file of opened) file.fault = fault;
      };
      return {
        backend,
        ...{ refuse: () => set('refused'), loseAnswers: () => set('not-told'), heal: () => set('none') },
      };
    },
    roundTrips: () => commits,
  };
});
