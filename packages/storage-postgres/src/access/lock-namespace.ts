import { noSuchNamespace } from '@querator/core';
import type { Session } from '../database/database.ts';
import type { TableSchema } from '../database/table-schema.ts';
import { accessRelations } from './access-relations.ts';

/**
 * Keeps a namespace from being removed until the transaction ends.
 *
 * @throws QueueError `failed` if there is no such namespace.
 */
export async function lockNamespace(session: Session, schema: TableSchema, name: string): Promise<void> {
  const { namespaces } = accessRelations(schema);
  const text = `SELECT 1 FROM ${namespaces} WHERE name = $1 FOR KEY SHARE`;
  if ((await session.query({ text, values: [name] })).length === 0) throw noSuchNamespace(name);
}
