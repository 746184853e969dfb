import { StorageError, type StorageNotice } from '@querator/core';
import type { Database } from '../database/database.ts';
import { qualifiedName, quotedName } from '../database/quoted-name.ts';
import { isPermissionDenied } from '../errors/postgres-error.ts';
import { checkEngine } from '../schema/engine-probe.ts';
import { FIXED_RELATIONS } from '../schema/fixed-schema.ts';
import { missingGrants, nameMissingGrants } from '../schema/missing-grants.ts';
import type { SchemaManager } from '../schema/schema-manager.ts';
import type { HorizonHolders } from './horizon-holders.ts';

const STATE =
  'SELECT pg_is_in_recovery() OR current_setting(\'transaction_read_only\')::boolean AS "readOnly"';

const MAY_CREATE = `SELECT has_schema_privilege($1, 'CREATE') AS may,
  format('GRANT CREATE ON SCHEMA %I TO %I', $1::text, current_user) AS missing`;

/** How long a refused write counts before it is checked again. */
const REFUSAL_COUNTS_MS = 30_000;

/** Dependencies of a ping. */
export interface PingContext {
  readonly db: Database;
  /** The storage's name, for errors. */
  readonly storage: string;
  readonly schema: SchemaManager;
  readonly holders: HorizonHolders;
}

/**
 * Checks whether the database can serve, and reports what its operator should know.
 * Creates nothing, and only writes if the server has refused writes.
 */
export async function ping(context: PingContext): Promise<readonly StorageNotice[]> {
  const { db, storage, schema, holders } = context;
  const [state] = await db.read<{ readonly readOnly: boolean }>({ text: STATE });
  if (state?.readOnly === true) {
    throw cannotServe(storage, 'the server takes no writes; it is a standby, or read-only');
  }
  const place = await inspect(schema, db);
  // What was refused at the last write may have been repaired since.
  if (db.itemNumbers.engine.fault !== undefined) await checkEngine(db);
  const grants = await missingGrants(db, schema.usedRelations, quotedName(place.schema));
  if (grants.length > 0) throw cannotServe(storage, `rights are missing: ${grants.join('; ')}`);
  await checkWrites(context, place.schema);
  return [...(await missingToCreate(db, place.schema)), ...(await holders.read())];
}

async function inspect(schema: SchemaManager, db: Database) {
  try {
    return await schema.inspect();
  } catch (error) {
    throw await nameMissingGrants(error, db, FIXED_RELATIONS);
  }
}

/** Existing queues work without these rights, but new ones get no tables. */
async function missingToCreate(db: Database, schema: string): Promise<readonly StorageNotice[]> {
  const [create] = await db.read<{ readonly may: boolean; readonly missing: string }>({
    text: MAY_CREATE,
    values: [schema],
  });
  if (create === undefined || create.may) return [];
  return [{ kind: 'missing-right', text: `new queues cannot be created here, missing: ${create.missing}` }];
}

/** @throws StorageError when the server has refused a write lately, or still would. */
async function checkWrites({ db, storage }: PingContext, schema: string): Promise<void> {
  const refused = db.writeFaults.last;
  if (refused === undefined) return;
  if (refused.ageMs >= REFUSAL_COUNTS_MS && (await hasRoom(db, schema))) return db.writeFaults.clear();
  const { message } = db.writeFaults.last?.error ?? refused.error;
  throw cannotServe(storage, `writes are refused: ${message.replace(`storage '${storage}': `, '')}`);
}

/** Whether a megabyte can be written beside the items. It is rolled back. */
async function hasRoom(db: Database, schema: string): Promise<boolean> {
  try {
    await db.transaction(async (session) => {
      const [{ pid } = { pid: 0 }] = await session.query<{ pid: number }>({
        text: 'SELECT pg_backend_pid() AS pid',
      });
      const table = qualifiedName(schema, `querator_probe_${pid}`);
      // Rows that are just too short to be compressed.
      const rows = `SELECT repeat(encode(sha256(n::text::bytea), 'hex'), 30) AS filler FROM generate_series(1, 600) AS n`;
      await session.query({ text: `CREATE TABLE ${table} AS ${rows}` });
      throw new Done();
    });
    return false;
  } catch (error) {
    // Without the right to create a table this cannot be checked. The next write finds out.
    return error instanceof Done || isPermissionDenied(error);
  }
}

/** Rolls back a transaction that has served its purpose. */
class Done extends Error {
  override readonly name = 'Done';
}

function cannotServe(storage: string, reason: string): StorageError {
  return new StorageError(`storage '${storage}': ${reason}`, { outcome: 'not-applied' });
}
