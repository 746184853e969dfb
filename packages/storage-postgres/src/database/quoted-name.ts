/** A name as an SQL identifier. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A relation with its schema, as SQL. */
export function qualifiedName(schema: string, relation: string): string {
  return `${quotedName(schema)}.${quotedName(relation)}`;
}

/** SQL for another relation in the schema of a table. Without a schema if the table has none. */
export function besideTable(table: string, relation: string): string {
  const schema = table.slice(0, table.lastIndexOf('.') + 1);
  return `${schema}${schema === '' ? relation : quotedName(relation)}`;
}

/** SQL for the object id of a relation. */
export function objectId(relation: string): string {
  return `'${relation.replaceAll("'", "''")}'::regclass`;
}
