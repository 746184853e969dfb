import { mkdtempSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeStorage } from '@querator/storage-conformance';
import { sqliteBackend } from '../src/index.ts';
import { FaultyRegistry } from './support/faulty-registry.ts';

describeStorage('sqlite', async () => {
  const folders: string[] = [];
  const newFolder = () => {
    const folder = mkdtempSync(join(tmpdir(), 'querator-sqlite-'));
    folders.push(folder);
    return folder;
  };
  const folder = await mkdtemp(join(tmpdir(), 'querator-sqlite-'));
  folders.push(folder);
  // Threads take longer to start than most tests do.
  const counted = new FaultyRegistry({ keepsThreads: true });
  return {
    open: (options) =>
      sqliteBackend({ name: 'sqlite', path: folder, durability: 'normal', registry: counted, ...options }),
    dispose: async () => {
      await counted.end();
      for (const each of folders) await rm(each, { recursive: true });
    },
    processes: {
      module: new URL('../src/index.ts', import.meta.url),
      newOptions: () => ({ path: newFolder() }),
    },
    openWithFaults: (options) => {
      const path = join(newFolder(), 'queues.db');
      const registry = new FaultyRegistry();
      return {
        backend: sqliteBackend({ name: 'sqlite', path, durability: 'normal', registry, ...options }),
        refuse: () => rename(path, `${path}.away`),
        loseAnswers: () => {
          registry.losesAnswers = true;
        },
        heal: async () => {
          registry.losesAnswers = false;
          await rename(`${path}.away`, path).catch(() => {});
        },
      };
    },
    roundTrips: () => counted.asked,
  };
});
