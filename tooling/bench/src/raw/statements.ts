/** The best known statements on a partition's table, without a driver. */
export interface RawStatements {
  readonly produce: string;
  readonly lease: string;
  readonly complete: string;
  /** For a single item: PostgreSQL plans a list of one id anew at each execution. */
  readonly completeOne: string;
}

export function rawStatements(table: string): RawStatements {
  return {
    produce: `INSERT INTO ${table} (id, expire_deadline, created_at, payload)
      SELECT id, now() + interval '1 day', now(), payload
      FROM unnest($1::text[], $2::bytea[]) AS u (id, payload)`,
    lease: `UPDATE ${table} SET is_leased = true, lease_deadline = now() + interval '1 hour', attempts = attempts + 1
      WHERE id = ANY (ARRAY(
        SELECT id FROM ${table} WHERE is_leased = false AND enqueue_at IS NULL
        ORDER BY is_leased, enqueue_at, id LIMIT $1 FOR UPDATE SKIP LOCKED))
      RETURNING id, attempts, lease_deadline, reference, encoding, kind, payload`,
    complete: `DELETE FROM ${table} WHERE id = ANY ($1::text[]) RETURNING is_leased`,
    completeOne: `DELETE FROM ${table} WHERE id = $1::text RETURNING is_leased`,
  };
}
