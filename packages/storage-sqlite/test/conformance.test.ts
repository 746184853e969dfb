import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeStorage } from '@querator/storage-conformance';
import { sqliteBackend } from '../src/index.ts';

describeStorage('sqlite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'querator-sqlite-'));
  return {
    open: (options) => sqliteBackend({ name: 'sqlite', path: folder, durability: 'normal', ...options }),
    dispose: () => rm(folder, { recursive: true }),
  };
});
