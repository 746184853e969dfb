import { getTableName } from 'drizzle-orm';
import type { TableSchema } from '../database/table-schema.ts';
import { ACCESS_TABLES } from '../schema/tables/access.ts';

/** The tables of access control with their schema, as SQL. */
export type AccessRelations = Readonly<Record<keyof typeof ACCESS_TABLES, string>>;

/** @throws Error before the schema is determined. */
export function accessRelations(schema: TableSchema): AccessRelations {
  const nameOf = (key: keyof AccessRelations) => schema.relation(getTableName(ACCESS_TABLES[key]));
  return {
    namespaces: nameOf('namespaces'),
    users: nameOf('users'),
    apiKeys: nameOf('apiKeys'),
    roles: nameOf('roles'),
    bindings: nameOf('bindings'),
    quotas: nameOf('quotas'),
    state: nameOf('state'),
  };
}
