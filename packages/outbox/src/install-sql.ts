import { LIMITS } from '@querator/core';
import { MOST_BYTES } from './outbox-item.ts';
import { DEFAULT_SCHEMA, quotedSchema } from './schema-name.ts';

/** Options of `installSql`. */
export interface InstallOptions {
  /** The schema of the outbox, which should hold nothing else; `querator_outbox` by default. */
  readonly schema?: string | undefined;
}

/** The version of the tables. A relay refuses one that it does not know. */
const VERSION = 1;

/**
 * The SQL that makes an outbox in the caller's database: a schema with its tables and
 * the function `enqueue`. Add it to the migrations of the database. It changes nothing
 * that is there already, so that it may run again. Needs PostgreSQL 12 or newer.
 *
 * @throws QueueError `invalid` for a wrong name of the schema.
 */
export function installSql({ schema = DEFAULT_SCHEMA }: InstallOptions = {}): string {
  const name = quotedSchema(schema);
  return [tablesSql(name), functionSql(name)].join('\n');
}

function tablesSql(schema: string): string {
  return `CREATE SCHEMA IF NOT EXISTS ${schema};

-- One row, about the outbox itself.
CREATE TABLE IF NOT EXISTS ${schema}.settings (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version integer NOT NULL,
  -- Tells this outbox from all others.
  outbox_id text NOT NULL DEFAULT md5(random()::text || clock_timestamp()::text || txid_current()::text),
  -- The relay that moves the rows: its token, the name of its server, and until when no other may.
  relay text,
  relay_name text,
  relay_since timestamptz,
  relay_until timestamptz,
  -- Counts removals by operators.
  drops integer NOT NULL DEFAULT 0
);
INSERT INTO ${schema}.settings (version) VALUES (${VERSION}) ON CONFLICT DO NOTHING;

-- Items on their way to a queue. The relay deletes a row once its item is in the queue.
CREATE TABLE IF NOT EXISTS ${schema}.outbox (
  id bigint GENERATED ALWAYS AS IDENTITY,
  queue text COLLATE "C" NOT NULL
    CONSTRAINT outbox_queue_is_a_name CHECK (queue <> '' AND octet_length(queue) <= ${LIMITS.queueName} AND position('~' in queue) = 0),
  payload bytea NOT NULL,
  encoding text NOT NULL DEFAULT '',
  kind text NOT NULL DEFAULT '',
  reference text NOT NULL DEFAULT '',
  enqueue_at timestamptz CONSTRAINT outbox_enqueue_at_is_a_time CHECK (enqueue_at BETWEEN '1970-01-01Z' AND '9999-12-31 23:59:59Z'),
  metadata jsonb CONSTRAINT outbox_metadata_is_an_object CHECK (jsonb_typeof(metadata) = 'object'),
  enqueued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (queue, id),
  CONSTRAINT outbox_item_is_not_too_large CHECK (
    octet_length(payload) + octet_length(encoding) + octet_length(kind) + octet_length(reference) <= ${MOST_BYTES})
);

-- Rows that are being sent to a queue in another database, so that a repeat sends the same.
CREATE TABLE IF NOT EXISTS ${schema}.batches (
  queue text COLLATE "C" PRIMARY KEY,
  dedup_key text NOT NULL,
  ids bigint[] NOT NULL,
  -- The token of the relay that made it.
  relay text NOT NULL,
  begun_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Queues whose first row cannot go, and why.
CREATE TABLE IF NOT EXISTS ${schema}.faults (
  queue text COLLATE "C" PRIMARY KEY,
  row_id bigint NOT NULL,
  code text NOT NULL,
  reason text NOT NULL,
  tries integer NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  retry_at timestamptz NOT NULL
);
`;
}

/** The checks of the function are those of `enqueue` in TypeScript. */
function functionSql(schema: string): string {
  return `-- Writes an item for a queue in the transaction of the caller. Returns the id of its row.
CREATE OR REPLACE FUNCTION ${schema}.enqueue(
  queue text,
  payload bytea,
  encoding text DEFAULT '',
  kind text DEFAULT '',
  reference text DEFAULT '',
  enqueue_at timestamptz DEFAULT NULL,
  metadata jsonb DEFAULT NULL
) RETURNS bigint LANGUAGE plpgsql AS $enqueue$
DECLARE
  pair record;
  pair_bytes bigint := 0;
  row_id bigint;
BEGIN
  IF enqueue.queue IS NULL OR enqueue.queue = '' THEN
    RAISE EXCEPTION 'queue name is invalid; queue name cannot be empty' USING ERRCODE = '22023';
  ELSIF octet_length(enqueue.queue) > ${LIMITS.queueName} THEN
    RAISE EXCEPTION 'queue name is invalid; cannot be greater than ''${LIMITS.queueName}'' characters' USING ERRCODE = '22023';
  ELSIF enqueue.queue ~ '[[:space:]~]' THEN
    RAISE EXCEPTION 'queue name is invalid; ''%'' cannot contain whitespace or ''~''', left(enqueue.queue, 100) USING ERRCODE = '22023';
  ELSIF enqueue.payload IS NULL THEN
    RAISE EXCEPTION 'payload is invalid; it cannot be null' USING ERRCODE = '22023';
  ELSIF octet_length(enqueue.payload) + coalesce(octet_length(enqueue.encoding), 0) + coalesce(octet_length(enqueue.kind), 0)
      + coalesce(octet_length(enqueue.reference), 0) > ${MOST_BYTES} THEN
    RAISE EXCEPTION 'payload is invalid; an item has at most ${MOST_BYTES} bytes' USING ERRCODE = '22023';
  ELSIF jsonb_typeof(enqueue.metadata) <> 'object' THEN
    RAISE EXCEPTION 'metadata is invalid; expected an object of texts' USING ERRCODE = '22023';
  END IF;
  IF enqueue.metadata IS NOT NULL THEN
    FOR pair IN SELECT key, value FROM jsonb_each(enqueue.metadata) LOOP
      pair_bytes := pair_bytes + octet_length(pair.key) + octet_length(pair.value #>> '{}');
      IF jsonb_typeof(pair.value) <> 'string' THEN
        RAISE EXCEPTION 'metadata is invalid; the value of ''%'' must be a text', left(pair.key, 100) USING ERRCODE = '22023';
      ELSIF octet_length(pair.key) NOT BETWEEN 1 AND ${LIMITS.metadataKey} THEN
        RAISE EXCEPTION 'metadata is invalid; a key has 1 to ${LIMITS.metadataKey} bytes' USING ERRCODE = '22023';
      ELSIF pair_bytes > ${LIMITS.metadata} THEN
        RAISE EXCEPTION 'metadata is invalid; keys and values together cannot be greater than ''${LIMITS.metadata}'' characters' USING ERRCODE = '22023';
      END IF;
    END LOOP;
  END IF;
  INSERT INTO ${schema}.outbox AS written (queue, payload, encoding, kind, reference, enqueue_at, metadata)
  VALUES (enqueue.queue, enqueue.payload, coalesce(enqueue.encoding, ''), coalesce(enqueue.kind, ''),
    coalesce(enqueue.reference, ''), enqueue.enqueue_at, nullif(enqueue.metadata, '{}'))
  RETURNING written.id INTO row_id;
  RETURN row_id;
END
$enqueue$;
`;
}
