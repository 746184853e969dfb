import type { SQL as Fragment } from 'drizzle-orm';
import type { Index, PgColumn, PgSequence, PgTable } from 'drizzle-orm/pg-core';
import { quotedName } from '../../database/quoted-name.ts';
import { getTableConfig, is, PgDialect, SQL, sql } from '../drizzle.ts';

const dialect = new PgDialect();

/** Returns a relation's name with its schema, as SQL. */
export type NameRelation = (name: string) => string;

/** Options for rendering a table. */
export interface RenderOptions {
  /** Storage parameters, rendered by `renderParameters`. */
  readonly parameters?: string;
  /** Undefined: names have no schema. */
  readonly nameOf?: NameRelation;
  /**
   * The table is known to be missing. An index of the same name belongs to another
   * table then, and is an error.
   */
  readonly isNew?: boolean;
}

/**
 * The statements that create a table and its indexes if they are missing, rendered
 * from its definition. Supports what our tables use and throws for anything else,
 * rather than leaving out a constraint.
 */
export function renderTable(
  table: PgTable,
  { parameters = '', nameOf = quotedName, isNew = false }: RenderOptions = {},
): readonly string[] {
  const create = (kind: string) => `CREATE ${kind}${isNew ? '' : ' IF NOT EXISTS'}`;
  const config = getTableConfig(table);
  const others = [config.foreignKeys, config.checks, config.uniqueConstraints];
  if (others.some((constraints) => constraints.length > 0)) {
    throw new Error(`table ${config.name} has constraints that renderTable cannot render`);
  }
  const keys = config.primaryKeys.map(
    ({ columns }) => `PRIMARY KEY (${columns.map(({ name }) => quotedName(name))})`,
  );
  const columns = [...config.columns.map(renderColumn), ...keys].map((line) => `  ${line}`).join(',\n');
  const name = nameOf(config.name);
  const suffix = parameters === '' ? '' : ` WITH (${parameters})`;
  return [
    `${create('TABLE')} ${name} (\n${columns}\n)${suffix}`,
    ...config.indexes.map((index) => renderIndex(create, name, index)),
  ];
}

/** The statement that creates a sequence if it is missing. */
export function renderSequence({ seqName, seqOptions }: PgSequence, nameOf: NameRelation): string {
  if (seqName === undefined || Object.keys(seqOptions ?? {}).length > 0) {
    throw new Error('renderSequence cannot render this sequence');
  }
  return `CREATE SEQUENCE IF NOT EXISTS ${nameOf(seqName)}`;
}

function renderColumn(column: PgColumn): string {
  const parts = [quotedName(column.name), column.getSQLType()];
  if (column.primary) parts.push('PRIMARY KEY');
  else if (column.notNull) parts.push('NOT NULL');
  if (column.hasDefault) parts.push(`DEFAULT ${renderDefault(column.default)}`);
  return parts.join(' ');
}

function renderDefault(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `'${value.replaceAll("'", "''")}'`;
    case 'number':
    case 'boolean':
      return String(value);
    default:
      throw new Error('renderTable cannot render this default');
  }
}

/** An index gets the schema of its table. */
function renderIndex(create: (kind: string) => string, table: string, { config }: Index): string {
  const columns = config.columns.map((column) => {
    if (is(column, SQL)) return `(${renderCondition(column)})`;
    if (!('name' in column) || column.name === undefined) throw new Error('an index column has no name');
    return quotedName(column.name);
  });
  const kind = config.unique ? 'UNIQUE INDEX' : 'INDEX';
  const where = config.where === undefined ? '' : ` WHERE ${renderCondition(config.where)}`;
  return `${create(kind)} ${quotedName(config.name ?? '')} ON ${table} (${columns.join(', ')})${where}`;
}

function renderCondition(condition: Fragment): string {
  const { sql: text, params } = dialect.sqlToQuery(sql`${condition}`);
  if (params.length > 0) throw new Error('an index takes no parameters');
  return text;
}
