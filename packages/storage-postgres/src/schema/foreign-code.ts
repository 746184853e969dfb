/** Something on a table that runs within the statements of its users. */
interface Attached {
  /** `trigger`, `rule`, `policy`, … */
  readonly kind: string;
  readonly name: string;
}

/** Code of another role that a table runs. */
interface ForeignCode extends Attached {
  /** The function or type. */
  readonly code: string;
  readonly owner: string;
}

/** Code that would run with our rights when a table is used. */
export interface TableCode {
  /** `pg_class.relkind`. */
  readonly kind: string;
  readonly owner: string;
  /** Whether the owner is this role, or a role of which it is a member. */
  readonly ours: boolean;
  /** Whether the owner is ours, a superuser, or the owner of the schema or the database. */
  readonly trusted: boolean;
  /** Triggers, rules, policies, row security and child tables. */
  readonly attached: readonly Attached[];
  /** Code of roles other than this one and superusers. */
  readonly foreign: readonly ForeignCode[];
}

/** A superuser is a member of every role, but does not own their code. */
const isOurs = (role: string) => `(${role}.rolname = current_user
  OR NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND pg_has_role(${role}.oid, 'USAGE'))`;

/** Kinds of objects that lead to code. PostgreSQL's own objects have no dependencies. */
const CODE = `'pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass`;

const attachedTo = (table: string) => `
  SELECT 'trigger' AS kind, tgname::text AS name FROM pg_trigger WHERE tgrelid = ${table}.oid AND NOT tgisinternal
  UNION ALL SELECT 'rule', rulename FROM pg_rewrite WHERE ev_class = ${table}.oid
  UNION ALL SELECT 'policy', polname FROM pg_policy WHERE polrelid = ${table}.oid
  UNION ALL SELECT 'row security', relname FROM pg_class WHERE oid = ${table}.oid AND relrowsecurity
  UNION ALL SELECT 'child table', inhrelid::regclass::text FROM pg_inherits WHERE inhparent = ${table}.oid`;

/** Each part with the catalogue and object id of its dependencies. */
const partsOf = (table: string) => `
  SELECT 'pg_trigger'::regclass::oid AS classid, oid AS objid, 'trigger' AS kind, tgname::text AS name
    FROM pg_trigger WHERE tgrelid = ${table}.oid AND NOT tgisinternal
  UNION ALL SELECT 'pg_rewrite'::regclass, oid, 'rule', rulename FROM pg_rewrite WHERE ev_class = ${table}.oid
  UNION ALL SELECT 'pg_policy'::regclass, oid, 'policy', polname FROM pg_policy WHERE polrelid = ${table}.oid
  UNION ALL SELECT 'pg_attrdef'::regclass, pg_attrdef.oid, 'default of column', attname
    FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum WHERE adrelid = ${table}.oid
  UNION ALL SELECT 'pg_constraint'::regclass, oid, 'constraint', conname FROM pg_constraint WHERE conrelid = ${table}.oid
  UNION ALL SELECT 'pg_class'::regclass, indexrelid, 'index', indexrelid::regclass::text
    FROM pg_index WHERE indrelid = ${table}.oid
  UNION ALL SELECT 'pg_class'::regclass, ${table}.oid, 'column of table', ${table}.relname`;

const foreignCodeOf = (table: string) => `
  WITH RECURSIVE used (classid, objid, kind, name) AS (
    ${partsOf(table)}
    UNION
    SELECT next.classid, next.objid, used.kind, used.name FROM used, LATERAL (
      SELECT refclassid AS classid, refobjid AS objid FROM pg_depend
        WHERE pg_depend.classid = used.classid AND pg_depend.objid = used.objid AND refclassid IN (${CODE})
      UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint
        WHERE used.classid = 'pg_type'::regclass AND contypid = used.objid) AS next)
  SELECT DISTINCT kind, name, code, rolname AS owner
  FROM (
    SELECT kind, name, 'function ' || objid::regprocedure AS code, proowner AS owner
      FROM used JOIN pg_proc ON pg_proc.oid = objid WHERE classid = 'pg_proc'::regclass
    UNION ALL SELECT kind, name, 'type ' || objid::regtype, typowner
      FROM used JOIN pg_type ON pg_type.oid = objid WHERE classid = 'pg_type'::regclass AND typrelid <> ${table}.oid
    ) AS code JOIN pg_roles AS author ON author.oid = owner
  WHERE NOT rolsuper AND NOT ${isOurs('author')}`;

const list = (rows: string) =>
  `(SELECT coalesce(json_agg(row_to_json(found)), '[]') FROM (${rows}) AS found)`;

/**
 * SQL for the {@link TableCode} of a table, as JSON.
 *
 * @param table the alias of its row in `pg_class`.
 */
export function tableCodeSql(table: string): string {
  return `(SELECT json_build_object('kind', ${table}.relkind, 'owner', holder.rolname, 'ours', ${isOurs('holder')},
      'trusted', ${isOurs('holder')} OR holder.rolsuper OR holder.oid IN (
        SELECT nspowner FROM pg_namespace WHERE oid = ${table}.relnamespace
        UNION ALL SELECT datdba FROM pg_database WHERE datname = current_database()),
      'attached', ${list(attachedTo(table))}, 'foreign', ${list(foreignCodeOf(table))})
    FROM pg_roles AS holder WHERE holder.oid = ${table}.relowner)`;
}

/**
 * SQL for whether a table is certainly free of code of other roles: it belongs to this role,
 * and nothing of it depends on code that does not come with PostgreSQL. Takes a hundredth of
 * the time of {@link tableCodeSql}. If it is false, that has to decide.
 *
 * @param table the alias of its row in `pg_class`.
 */
export function isPlainSql(table: string): string {
  return `(${table}.relkind = 'r' AND ${table}.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
    AND NOT ${table}.relhastriggers AND NOT ${table}.relhasrules
    AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = ${table}.oid)
    AND NOT EXISTS (SELECT FROM (
        SELECT 'pg_class'::regclass::oid AS classid, ${table}.oid AS objid
        UNION ALL SELECT 'pg_class'::regclass, indexrelid FROM pg_index WHERE indrelid = ${table}.oid
        UNION ALL SELECT 'pg_attrdef'::regclass, pg_attrdef.oid FROM pg_attrdef WHERE adrelid = ${table}.oid
        UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid = ${table}.oid
      ) AS part JOIN pg_depend USING (classid, objid) WHERE refclassid IN (${CODE})))`;
}

/**
 * Why a table must not be used. Undefined if it may be. On our own tables, code of
 * other roles is a reason. On a table of another role, everything is that the role
 * could make run in our statements.
 */
export function tableCodeFault(
  table: string,
  { kind, owner, ours, attached, foreign }: TableCode,
): string | undefined {
  if (kind !== 'r' && kind !== 'p')
    return `${table} is no table, and stands where one of ours belongs; its owner is role "${owner}"`;
  const [first] = attached;
  if (!ours && first !== undefined) {
    return (
      `table ${table} belongs to role "${owner}" and has the ${first.kind} "${first.name}", which would run ` +
      'with the rights of this server; remove it, or make this server the owner of the table'
    );
  }
  const [code] = foreign;
  if (code === undefined) return undefined;
  return (
    `the ${code.kind} "${code.name}" of table ${table} uses the ${code.code} of role "${code.owner}", which would ` +
    'run with the rights of this server; remove it'
  );
}

/**
 * Why a table must not be used whose owner can write to it: the server relies on what
 * it contains. Undefined if the owner is trusted.
 *
 * @param danger what the owner could do, for the error.
 */
export function tableOwnerFault(
  table: string,
  { owner, trusted }: Pick<TableCode, 'owner' | 'trusted'>,
  danger: string,
): string | undefined {
  if (trusted) return undefined;
  return (
    `table ${table} belongs to role "${owner}", which ${danger}; make this server, ` +
    'the owner of the schema or the owner of the database the owner of the table'
  );
}

/**
 * The policies and rules on a table of our own. They change what statements do, so an
 * operator should know them.
 */
export function tableCodeNotice({ ours, attached }: TableCode): readonly string[] {
  if (!ours) return [];
  return attached
    .filter(({ kind }) => kind === 'policy' || kind === 'rule')
    .map(({ kind, name }) => `${kind} "${name}"`);
}
