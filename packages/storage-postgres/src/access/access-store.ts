import {
  type AccessStore,
  type AccessTransaction,
  type Clock,
  errorText,
  type Grants,
  invalid,
  type KeyUse,
  type MakeAuditEvent,
  type UserKey,
} from '@querator/core';
import { insertEvents } from '../audit/audit-rows.ts';
import type { Database, Session } from '../database/database.ts';
import { allTables, type TableCalls, type TableProvisioner } from '../database/table-calls.ts';
import type { SchemaManager } from '../schema/schema-manager.ts';
import { SECRETS } from '../schema/separate-tables.ts';
import { AUDIT } from '../schema/tables/audit.ts';
import type { TimeLimits } from '../settings/time-limits.ts';
import { nowParameter } from '../sql/partition-table.ts';
import { holds, isRefusedData, LACKS, refusedField } from '../sql/refused-data.ts';
import { textArray } from '../wire/binary-array.ts';
import { instantToText } from '../wire/instant-text.ts';
import { PostgresAccessReads, type Search } from './access-reads.ts';
import { type AccessRelations, accessRelations } from './access-relations.ts';
import { PostgresAccessTransaction } from './access-transaction.ts';
import { type GrantsRow, generationSql, grantsStatement, rowToGrants } from './grants.ts';
import { Turns } from './turns.ts';

/** Locks in order of ids: several processes note uses of the same keys. */
const noteUsesIn = (apiKeys: string) => `
  WITH used AS (
    SELECT id, max(at) AS at FROM unnest($1::text[], $2::text[]::timestamptz[]) AS use (id, at) GROUP BY id),
  locked AS (
    SELECT key.id, used.at FROM used JOIN ${apiKeys} AS key ON key.id = used.id
    WHERE key.last_used_at IS NULL OR key.last_used_at < used.at ORDER BY key.id FOR NO KEY UPDATE OF key)
  UPDATE ${apiKeys} AS key SET last_used_at = locked.at FROM locked
  WHERE key.id = locked.id AND (key.last_used_at IS NULL OR key.last_used_at < locked.at)`;

const [SECRETS_TABLE = ''] = SECRETS.relations;
const SESSION_KEY = 'session_key';

/** Users and their rights in tables of their own; see core's `AccessStore` for the contract. */
export class PostgresAccessStore extends PostgresAccessReads implements AccessStore {
  readonly #db: Database;
  readonly #tables: TableProvisioner;
  readonly #auditedTables: TableProvisioner;
  readonly #secrets: TableProvisioner;
  readonly #calls: TableCalls;
  readonly #clock: Clock | undefined;
  readonly #turns: Turns;

  constructor(deps: {
    readonly db: Database;
    readonly schema: Pick<SchemaManager, 'access' | 'audit' | 'secrets'>;
    readonly calls: TableCalls;
    readonly clock: Clock | undefined;
    readonly limits: Pick<TimeLimits, 'lockMs'>;
  }) {
    super((search) => this.#search(search));
    this.#db = deps.db;
    this.#tables = deps.schema.access;
    this.#auditedTables = allTables(deps.schema.access, deps.schema.audit);
    this.#secrets = deps.schema.secrets;
    this.#calls = deps.calls;
    this.#clock = deps.clock;
    const { name: storage, clock } = deps.db;
    this.#turns = new Turns({ storage, clock, waitMs: deps.limits.lockMs });
  }

  change<T>(work: (transaction: AccessTransaction) => Promise<T>, audit?: MakeAuditEvent): Promise<T> {
    let last: PostgresAccessTransaction | undefined;
    const run = async (session: Session) => {
      const transaction = await PostgresAccessTransaction.begin(session, this.#relations);
      last = transaction;
      const result = await work(transaction);
      await transaction.end();
      if (audit !== undefined) {
        const relation = this.#db.schema.relation(AUDIT);
        await session.query(insertEvents(relation, [audit()], nowParameter({ clock: this.#clock })));
      }
      return result;
    };
    const tables = audit === undefined ? this.#tables : this.#auditedTables;
    return this.#turns.take(() =>
      this.#calls.run(tables, async () => {
        try {
          return await this.#db.transaction(run);
        } catch (error) {
          throw await this.#refused(error, last);
        }
      }),
    );
  }

  async generation(): Promise<number> {
    const rows = await this.#run(() =>
      this.#db.read<{ readonly generation: string }>({
        name: this.#named('access_generation'),
        text: generationSql(this.#relations),
      }),
    );
    return Number(rows[0]?.generation ?? 0);
  }

  async grants(key: UserKey): Promise<Grants | undefined> {
    const texts: readonly string[] = Object.values(key);
    const statement = (relations: AccessRelations) => {
      const { kind, ...rest } = grantsStatement(key, relations);
      return { name: this.#named(`access_grants_${kind}`), ...rest };
    };
    const [row] = await this.#search<GrantsRow>({ statement, texts });
    return row && rowToGrants(row);
  }

  async noteUses(uses: readonly KeyUse[]): Promise<void> {
    const ids = textArray(uses.map(({ keyId }) => keyId));
    const times = textArray(uses.map(({ at }) => instantToText(at)));
    await this.#run(() =>
      this.#db.write({ text: noteUsesIn(this.#relations.apiKeys), values: [ids, times] }),
    );
  }

  /** Reads in a statement of its own: one that inserts does not see what another process has just committed. */
  async sessionKey(candidate: string): Promise<string> {
    return this.#calls.run(this.#secrets, async () => {
      const table = this.#db.schema.relation(SECRETS_TABLE);
      const read = async () => {
        const found = { text: `SELECT value FROM ${table} WHERE name = $1`, values: [SESSION_KEY] };
        const [row] = await this.#db.read<{ readonly value: string }>(found);
        return row?.value;
      };
      const found = await read();
      if (found !== undefined) return found;
      await this.#db.write({
        text: `INSERT INTO ${table} (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
        values: [SESSION_KEY, candidate],
      });
      return (await read()) ?? candidate;
    });
  }

  get #relations(): AccessRelations {
    return accessRelations(this.#db.schema);
  }

  /** Connections may have prepared the statement for another schema under the plain name. */
  #named(statement: string): string {
    const { moves } = this.#db.schema;
    return moves === 0 ? statement : `${statement}_${moves}`;
  }

  async #search<Row>({ statement, texts, pivot }: Search): Promise<readonly Row[]> {
    try {
      return await this.#run(() => this.#db.read<Row>(statement(this.#relations)));
    } catch (error) {
      if (!isRefusedData(error)) throw error;
      if (!(await holds(this.#db, texts))) return [];
      if (pivot === undefined || (await holds(this.#db, [pivot]))) throw error;
      throw invalid(errorText`pivot is invalid; it ${LACKS}`);
    }
  }

  /** The error to throw for that of a transaction: it names the field that the database cannot hold. */
  async #refused(error: unknown, transaction: PostgresAccessTransaction | undefined): Promise<unknown> {
    const texts = transaction?.refusable ?? [];
    const [first] = texts;
    if (!isRefusedData(error) || first === undefined) return error;
    const found = await refusedField(this.#db, error, { texts, indexed: first[0] });
    return found === undefined ? error : invalid(errorText`${found.field} is invalid; it ${found.fault}`);
  }

  #run<T>(operation: () => Promise<T>): Promise<T> {
    return this.#calls.run(this.#tables, operation);
  }
}
