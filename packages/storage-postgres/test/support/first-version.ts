/**
 * The statements with which the first version created its tables, before versions were
 * recorded. Never change them. `my-queue` has one partition.
 */
export const FIRST_VERSION_TABLES: readonly string[] = [
  'CREATE SEQUENCE "querator_item_id"',
  `CREATE TABLE "querator_queues" (
    "name" text COLLATE "C" PRIMARY KEY,
    "namespace" text COLLATE "C" NOT NULL,
    "lease_timeout_ns" bigint NOT NULL,
    "expire_timeout_ns" bigint NOT NULL,
    "dead_queue" text COLLATE "C" NOT NULL DEFAULT '',
    "max_attempts" integer NOT NULL DEFAULT 0,
    "reference" text NOT NULL DEFAULT '',
    "requested_partitions" integer NOT NULL,
    "partitions" jsonb NOT NULL,
    "created_at" timestamptz NOT NULL,
    "updated_at" timestamptz NOT NULL
  )`,
  'CREATE INDEX "querator_queues_namespace" ON "querator_queues" ("namespace", "name")',
  `CREATE INDEX "querator_queues_dead_queue" ON "querator_queues" ("dead_queue", "name") WHERE dead_queue <> ''`,
  `CREATE TABLE "items_255436d8bdc5_000000" (
    "id" text COLLATE "C" PRIMARY KEY,
    "source_id" text,
    "is_leased" boolean NOT NULL DEFAULT false,
    "lease_deadline" timestamptz,
    "expire_deadline" timestamptz NOT NULL,
    "enqueue_at" timestamptz,
    "created_at" timestamptz NOT NULL,
    "attempts" integer NOT NULL DEFAULT 0,
    "max_attempts" integer NOT NULL DEFAULT 0,
    "reference" text NOT NULL DEFAULT '',
    "encoding" text NOT NULL DEFAULT '',
    "kind" text NOT NULL DEFAULT '',
    "payload" bytea
  )`,
  `CREATE UNIQUE INDEX "idx_255436d8bdc5_000000_src" ON "items_255436d8bdc5_000000" ("source_id") WHERE source_id IS NOT NULL`,
  `CREATE INDEX "idx_255436d8bdc5_000000_lse" ON "items_255436d8bdc5_000000" ("is_leased", "enqueue_at", "id") WHERE is_leased = false AND enqueue_at IS NULL`,
  `CREATE INDEX "idx_255436d8bdc5_000000_sch" ON "items_255436d8bdc5_000000" ("enqueue_at") WHERE enqueue_at IS NOT NULL`,
  `CREATE INDEX "idx_255436d8bdc5_000000_dln" ON "items_255436d8bdc5_000000" ("lease_deadline") WHERE is_leased = true`,
  'CREATE INDEX "idx_255436d8bdc5_000000_exp" ON "items_255436d8bdc5_000000" ("expire_deadline")',
];

/** A queue with three items, one of each state, and a sequence that has been used. */
export const FIRST_VERSION_ROWS: readonly string[] = [
  `INSERT INTO querator_queues VALUES ('my-queue', '', 60000000000, 3600000000000, '', 0, '', 1,
    '[{"partition": 0, "storageName": "postgres-01"}]', now(), now())`,
  `SELECT setval('querator_item_id', 5000)`,
  `INSERT INTO items_255436d8bdc5_000000 (id, is_leased, lease_deadline, expire_deadline, enqueue_at, created_at, reference)
   VALUES ('00000000027100000aaaaaaaaaa', false, NULL, now() + '1 h', NULL, now(), 'waiting'),
     ('00000000027100001bbbbbbbbbb', true, now() + '30 min', now() + '1 h', NULL, now(), 'leased'),
     ('00000000027100002cccccccccc', false, NULL, now() + '1 h', now() + '30 min', now(), 'scheduled')`,
];
