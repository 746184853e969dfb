import { cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { freePort } from '@querator/tooling-processes';
import { expect, it, onTestFinished } from 'vitest';
import { postgresBinaries } from '../src/binaries.ts';
import { makeHome, openDataFolder, prepareCluster } from '../src/data-folder.ts';
import { launch, shutDown } from '../src/postmaster.ts';
import { query } from './query.ts';
import { scratchFolder } from './scratch-folder.ts';

it('works if programs and data are in a folder that other users cannot enter', async () => {
  const closed = scratchFolder();
  const { initdb, version } = postgresBinaries();
  cpSync(dirname(dirname(initdb)), join(closed, 'native'), { recursive: true, verbatimSymlinks: true });
  const binaries = {
    initdb: join(closed, 'native', 'bin', 'initdb'),
    postgres: join(closed, 'native', 'bin', 'postgres'),
    version,
  };
  const home = makeHome(join(closed, 'database'));
  const folder = openDataFolder({ home, user: 'postgres', temporary: true });
  const runAs = prepareCluster(folder, binaries);
  const port = await freePort();
  const postmaster = await launch(folder, binaries, { runAs, port, settings: {}, timeoutMs: 30_000 });
  onTestFinished(() => shutDown(postmaster));
  const address = `postgres://postgres:${folder.password}@127.0.0.1:${port}/postgres`;
  expect(await query(address, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
});
