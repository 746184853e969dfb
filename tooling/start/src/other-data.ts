import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Address, neighbour, reachableAt } from './address.ts';
import type { EmbeddedStorage } from './plan.ts';

interface Storage {
  readonly title: string;
  /** Exists if a start used this storage, relative to the folder of `npm start`. */
  readonly mark: string;
  readonly start: string;
}

const STORAGES: Readonly<Record<EmbeddedStorage, Storage>> = {
  sqlite: { title: 'SQLite', mark: 'sqlite/querator.db', start: 'npm start --' },
  postgres: { title: 'PostgreSQL', mark: 'postgres/pgdata', start: 'npm start -- --postgres' },
};

/**
 * What the user is told about data of earlier starts on the other embedded storage, which a start on `used` does not
 * serve: where they are, and how to use them or move them to the server at `address`. Undefined if there are none.
 */
export function otherData(used: EmbeddedStorage, stateDir: string, address: Address): string | undefined {
  const other: EmbeddedStorage = used === 'sqlite' ? 'postgres' : 'sqlite';
  const { title, mark, start } = STORAGES[other];
  if (!existsSync(join(stateDir, mark))) return undefined;
  const folder = join(stateDir, other);
  const [at, beside] = [reachableAt(address), reachableAt(neighbour(address))];
  return [
    `NOT USED: the data of an earlier npm start on ${title} are in ${folder}.`,
    `This server runs on ${STORAGES[used].title} and does not show their queues.`,
    `To go on with them, stop this server and run:`,
    `  ${start.replace(/ --$/, '')}`,
    'To move their items to this server, let it run, and run in two other terminals:',
    `  ${start} --address ${beside}`,
    `  npm run --silent querator -- migrate --from http://${beside} --to http://${at}`,
    `Once you do not need them any more, delete that folder, and this message ends.`,
  ].join('\n');
}
