import type pg from 'pg';

/**
 * Copies PostgreSQL's own functions, aggregates, operators and types into a schema,
 * with better matches for some of them. Each call is recorded in `planted.heard`. For
 * a role that may create in that schema.
 */
export async function plantNames(client: pg.Client, schema: string): Promise<void> {
  for (const text of [LOG, ...BETTER_MATCHES.map((match) => better(schema, match))]) await client.query(text);
  for (const text of [FUNCTIONS, AGGREGATES, OPERATORS])
    await client.query(text.replaceAll('$schema', schema));
  for (const type of ['text', 'bytea', 'timestamptz', 'regclass', 'jsonb', 'float8', 'name', 'oid']) {
    await client.query(
      `CREATE DOMAIN ${schema}.${type} AS pg_catalog.${type} CHECK (planted.tell('the type ${type}'))`,
    );
  }
  for (const name of [
    'pg_class',
    'pg_namespace',
    'pg_locks',
    'pg_roles',
    'pg_stat_activity',
    'pg_database',
  ]) {
    await client.query(
      `CREATE VIEW ${schema}.${name} AS SELECT * FROM pg_catalog.${name} WHERE planted.tell('the view ${name}')`,
    );
    await client.query(`GRANT SELECT ON ${schema}.${name} TO PUBLIC`);
  }
}

/** The planted objects that another user has run, each once. */
export async function plantedThatRan(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ what: string }>(
    `SELECT DISTINCT what FROM planted.heard WHERE who <> current_user ORDER BY 1`,
  );
  return rows.map(({ what }) => what);
}

const LOG = `
  CREATE SCHEMA planted;
  GRANT USAGE ON SCHEMA planted TO PUBLIC;
  CREATE TABLE planted.heard (who pg_catalog.text, what pg_catalog.text);
  GRANT INSERT ON planted.heard TO PUBLIC;
  CREATE FUNCTION planted.tell(what pg_catalog.text) RETURNS pg_catalog.bool LANGUAGE plpgsql
    AS $$BEGIN INSERT INTO planted.heard VALUES (current_user, what); RETURN true; END$$`;

/** Parameters have no types yet, and literals have none. These match them better. */
const BETTER_MATCHES = [
  ['nextval', 'pg_catalog.text', 'pg_catalog.int8'],
  ['pg_sequence_last_value', 'pg_catalog.text', 'pg_catalog.int8'],
  ['setval', 'pg_catalog.text, pg_catalog.int8', 'pg_catalog.int8'],
  ['concat', Array(24).fill('pg_catalog.text').join(', '), 'pg_catalog.text'],
  ['concat', Array(25).fill('pg_catalog.text').join(', '), 'pg_catalog.text'],
  ['obj_description', 'pg_catalog.oid, pg_catalog.text', 'pg_catalog.text'],
  ['left', 'pg_catalog.text, pg_catalog.int8', 'pg_catalog.text'],
  ['octet_length', 'pg_catalog.varchar', 'pg_catalog.int4'],
  ['current_setting', 'pg_catalog.varchar', 'pg_catalog.text'],
  ['jsonb_build_object', 'pg_catalog.text, pg_catalog.text', 'pg_catalog.jsonb'],
  ['jsonb_build_object', 'pg_catalog.text, pg_catalog.jsonb', 'pg_catalog.jsonb'],
  ['jsonb_set', 'pg_catalog.jsonb, pg_catalog._text, pg_catalog.jsonb', 'pg_catalog.jsonb'],
  ['to_jsonb', 'pg_catalog.timestamptz', 'pg_catalog.jsonb'],
  ['json_build_array', 'pg_catalog.text, pg_catalog.json', 'pg_catalog.json'],
] as const;

function better(schema: string, [name, types, result]: (typeof BETTER_MATCHES)[number]): string {
  return `CREATE FUNCTION ${schema}.${name}(${types}) RETURNS ${result} LANGUAGE plpgsql
    AS $$BEGIN PERFORM planted.tell('${name} for ${types}'); RETURN NULL; END$$`;
}

/** The types that our statements use. */
const TYPES = `'bool', 'text', 'name', 'int4', 'int8', 'oid', 'timestamptz', 'interval', 'bytea', 'float8',
  'numeric', 'regclass', '_text', '_int4', 'json', 'jsonb', 'void', 'xid'`;

const ALL_USUAL = (types: string) => `NOT EXISTS (
  SELECT FROM pg_catalog.unnest(${types}) AS used JOIN pg_catalog.pg_type ON pg_type.oid = used
  WHERE typname NOT IN (${TYPES}))`;

/** Every function of the usual types, whether a statement calls it today or not. */
const FUNCTIONS = `DO $do$
  DECLARE each record;
  BEGIN
    FOR each IN SELECT proname, prorettype, proretset, (
        SELECT pg_catalog.string_agg(pg_catalog.format_type(used, NULL), ', ' ORDER BY place)
        FROM pg_catalog.unnest(proargtypes) WITH ORDINALITY AS type (used, place)) AS args
      FROM pg_catalog.pg_proc
      WHERE pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND NOT 'void'::pg_catalog.regtype = ANY (proargtypes) AND prokind = 'f' AND NOT proretset AND pronargs > 0
        AND provariadic = 0 AND proargmodes IS NULL AND ${ALL_USUAL('array_append(proargtypes::pg_catalog.oid[], prorettype)')}
    LOOP
      CONTINUE WHEN pg_catalog.to_regprocedure(pg_catalog.format('$schema.%I(%s)', each.proname, each.args)) IS NOT NULL;
      EXECUTE pg_catalog.format(
        'CREATE FUNCTION $schema.%I(%s) RETURNS %s LANGUAGE plpgsql AS $$BEGIN PERFORM planted.tell(%L); %s END$$',
        each.proname, each.args, pg_catalog.format_type(each.prorettype, NULL), 'the function ' || each.proname,
        CASE each.prorettype WHEN 'void'::pg_catalog.regtype THEN '' ELSE 'RETURN NULL;' END);
    END LOOP;
  END$do$`;

const AGGREGATES = `DO $do$
  DECLARE kind text;
  BEGIN
    CREATE FUNCTION planted.step(int8) RETURNS int8 LANGUAGE plpgsql
      AS $$BEGIN PERFORM planted.tell('an aggregate'); RETURN 0; END$$;
    CREATE AGGREGATE $schema.count(*) (sfunc = planted.step, stype = int8, initcond = '0');
    FOREACH kind IN ARRAY ARRAY['text', 'timestamptz', 'int8', 'int4'] LOOP
      EXECUTE pg_catalog.format('CREATE FUNCTION planted.step(pg_catalog.%1$I, pg_catalog.%1$I)
        RETURNS pg_catalog.%1$I LANGUAGE plpgsql
        AS $$BEGIN PERFORM planted.tell(''an aggregate of %1$s''); RETURN $1; END$$', kind);
      EXECUTE pg_catalog.format('CREATE AGGREGATE $schema.min(pg_catalog.%1$I) (sfunc = planted.step, stype = pg_catalog.%1$I)', kind);
      EXECUTE pg_catalog.format('CREATE AGGREGATE $schema.max(pg_catalog.%1$I) (sfunc = planted.step, stype = pg_catalog.%1$I)', kind);
    END LOOP;
  END$do$`;

const OPERATORS = `DO $do$
  DECLARE each record; body pg_catalog.text;
  BEGIN
    FOR each IN SELECT oprname, oprleft, oprright, oprresult, oid
      FROM pg_catalog.pg_operator
      WHERE oprkind = 'b' AND oprnamespace = 'pg_catalog'::pg_catalog.regnamespace
        AND ${ALL_USUAL('ARRAY[oprleft, oprright, oprresult]')}
    LOOP
      EXECUTE pg_catalog.format('CREATE FUNCTION planted.operator_%s(%s, %s) RETURNS %s LANGUAGE plpgsql
        AS $$BEGIN PERFORM planted.tell(%L); RETURN NULL; END$$', each.oid,
        pg_catalog.format_type(each.oprleft, NULL), pg_catalog.format_type(each.oprright, NULL),
        pg_catalog.format_type(each.oprresult, NULL), 'the operator ' || each.oprname);
      EXECUTE pg_catalog.format('CREATE OPERATOR $schema.%s (FUNCTION = planted.operator_%s, LEFTARG = %s, RIGHTARG = %s)',
        each.oprname, each.oid,
        pg_catalog.format_type(each.oprleft, NULL), pg_catalog.format_type(each.oprright, NULL));
    END LOOP;
  END$do$`;
