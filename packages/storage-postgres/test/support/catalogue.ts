import type pg from 'pg';

/** Everything in the catalogue on the relations of the schema `public`: columns, indexes, parameters. */
export async function catalogueOf(client: pg.Client): Promise<readonly unknown[]> {
  const { rows } = await client.query(`
    SELECT relname AS name, relkind AS kind, reloptions AS options,
      (SELECT json_agg(json_build_array(attname, format_type(atttypid, atttypmod), attnotnull, attcollation,
          pg_get_expr(adbin, adrelid)) ORDER BY attnum)
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped) AS columns,
      CASE WHEN relkind = 'i' THEN pg_get_indexdef(oid) END AS definition
    FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname`);
  return rows;
}
