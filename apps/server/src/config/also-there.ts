import { errorText } from '@querator/core';
import type { NamedStorage } from './queue-storage.ts';
import type { Config } from './schema.ts';

/** The option that says where a storage is, by driver. Other drivers are compared by all options. */
const PLACES: Readonly<Record<string, string>> = { postgres: 'connection-string', sqlite: 'path' };

/** What a partition storage keeps besides partitions, in words. */
export function alsoThere(config: Config, name: string): readonly string[] {
  const storage = config['partition-storage'].find((each) => each.name === name);
  if (storage === undefined) return [];
  return [...queuesThere(config, storage), ...outboxesThere(config, storage)];
}

function queuesThere(config: Config, storage: NamedStorage): readonly string[] {
  const queues = config['queue-storage'];
  const isThere =
    'driver' in queues ? isSamePlace(queues, storage) : queues.partitionStorage === storage.name;
  if (!isThere) return [];
  const kept = ['queues', 'schedules', 'tasks', ...(hasUsers(config) ? ['users and their rights'] : [])];
  return [
    `it keeps the settings of ${kept.join(', ')}; they cannot move to another storage, so it stays in use as queue-storage`,
  ];
}

function hasUsers({ 'auth-backend': { driver } }: Config): boolean {
  return driver === 'internal';
}

function outboxesThere({ outbox }: Config, storage: NamedStorage): readonly string[] {
  return outbox
    .map((each) => ({
      ...each,
      driver: 'postgres',
      config: { 'connection-string': each['connection-string'] },
    }))
    .filter((each) => isSamePlace(each, storage))
    .map(({ schema }) => errorText`an outbox in the schema '${schema}' is in the same database`);
}

/** Whether two storages are in one database or file, as far as their settings tell. */
function isSamePlace(
  one: Pick<NamedStorage, 'driver' | 'config'>,
  other: Pick<NamedStorage, 'driver' | 'config'>,
): boolean {
  if (one.driver !== other.driver || one.driver === 'memory') return false;
  return placeOf(one) === placeOf(other);
}

/** Of a URL without the user, the password and the parameters. */
function placeOf({ driver, config }: Pick<NamedStorage, 'driver' | 'config'>): string {
  const key = PLACES[driver];
  if (key === undefined) return JSON.stringify(config);
  const place = String(config[key]);
  if (!URL.canParse(place)) return place;
  const { hostname, port, pathname } = new URL(place);
  return `${hostname}:${port || '5432'}${pathname}`;
}
