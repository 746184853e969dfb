import type { TableSchema } from '../database/table-schema.ts';
import { getTableName } from '../schema/drizzle.ts';
import { ACCESS_TABLES } from '../schema/tables/access.ts';
import { QUEUES } from '../schema/tables/queues.ts';

/** The tables of access control and the table of queues, with their schema, as SQL. */
export type AccessRelations = Readonly<Record<keyof typeof ACCESS_TABLES | 'queues', string>>;

/** @throws Error before the schema is determined. */
export function accessRelations(schema: TableSchema): AccessRelations {
  const nameOf = (key: keyof typeof ACCESS_TABLES) => schema.relation(getTableName(ACCESS_TABLES[key]));
  return {
    namespaces: nameOf('namespaces'),
    users: nameOf('users'),
    apiKeys: nameOf('apiKeys'),
    roles: nameOf('roles'),
    bindings: nameOf('bindings'),
    quotas: nameOf('quotas'),
    state: nameOf('state'),
    queues: schema.relation(QUEUES),
  };
}
