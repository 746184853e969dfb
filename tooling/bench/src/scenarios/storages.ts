import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StorageCommands, StoragePlace } from '../storages/main.ts';
import type { StorageOperation } from '../storages/measure-storage.ts';
import { databaseOf } from '../testbed/sides.ts';
import { byTurns, type Scenario } from './scenario.ts';

const CLIENTS = 16;
const OPERATIONS: readonly StorageOperation[] = ['produce', 'lease', 'complete'];

/** The engine on a SQLite file compared with the engine on PostgreSQL, on the same disk and without HTTP. */
function sqliteAgainstPostgres(operation: StorageOperation, batch: number): Scenario {
  return {
    name: `sqlite-${operation}-${batch}`,
    title: `${operation}, batch ${batch}, ${CLIENTS} clients, on SQLite, against PostgreSQL, without HTTP`,
    // With a request for each item, the database server costs most.
    ...(batch === 1 ? { atLeast: 1 } : {}),
    async run(bed, { runs, seconds, payloadBytes }) {
      const { connectionString } = databaseOf(await bed.site());
      const { path } = await bed.other('folder of SQLite', newFolder);
      const work = { operation, batch, clients: CLIENTS, seconds, payloadBytes };
      const sideOn = async (place: StoragePlace) => {
        const child = await bed.child<StorageCommands>(`engine on ${place.driver}`, '../storages/main.ts');
        await child.call('start', place);
        return () => child.call('run', work);
      };
      const { maxConns } = bed.options;
      const baseline = await sideOn({ driver: 'postgres', connectionString, maxConns });
      const subject = await sideOn({ driver: 'sqlite', path });
      return { ...(await byTurns(runs, baseline, subject)), unit: 'items/s', details: {} };
    },
  };
}

/** In the temporary folder, as the data of the bench's PostgreSQL. */
async function newFolder() {
  const path = await mkdtemp(join(tmpdir(), 'querator-bench-'));
  return { path, stop: () => rm(path, { recursive: true }) };
}

/** The two durable storages beside each other. */
export const storageScenarios: readonly Scenario[] = [1, 100, 1_000].flatMap((batch) =>
  OPERATIONS.map((operation) => sqliteAgainstPostgres(operation, batch)),
);
