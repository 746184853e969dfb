/** The table of a partition as the document for users has it, and as the Go server creates it. */
export function goTable(label: string): readonly string[] {
  const table = `items_${label}`;
  return [
    `CREATE TABLE ${table} (
      id TEXT COLLATE "C" PRIMARY KEY,
      source_id TEXT,
      is_leased BOOLEAN NOT NULL DEFAULT false,
      lease_deadline TIMESTAMPTZ,
      expire_deadline TIMESTAMPTZ NOT NULL,
      enqueue_at TIMESTAMPTZ,
      created_at TIMESTAMPTZ NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0,
      max_attempts INTEGER NOT NULL DEFAULT 0,
      reference TEXT NOT NULL DEFAULT '',
      encoding TEXT NOT NULL DEFAULT '',
      kind TEXT NOT NULL DEFAULT '',
      payload BYTEA)`,
    `CREATE UNIQUE INDEX idx_${label}_src ON ${table} (source_id) WHERE source_id IS NOT NULL`,
    `CREATE INDEX idx_${label}_lse ON ${table} (is_leased, enqueue_at) WHERE is_leased = false AND enqueue_at IS NULL`,
    `CREATE INDEX idx_${label}_sch ON ${table} (enqueue_at) WHERE enqueue_at IS NOT NULL`,
    `CREATE INDEX idx_${label}_dln ON ${table} (lease_deadline) WHERE is_leased = true`,
    `CREATE INDEX idx_${label}_exp ON ${table} (expire_deadline)`,
  ];
}

/** A KSUID as the Go server creates it. Greater with each number. */
export function ksuid(n: number): string {
  return `3Nc5x${String(n).padStart(8, '0')}QmZr7TtBvAqXyZ`;
}
