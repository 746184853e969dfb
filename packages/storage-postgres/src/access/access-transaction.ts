import {
  ACCESS_CONFLICTS,
  type AccessTransaction,
  type ApiKey,
  errorText,
  invalid,
  type Namespace,
  type QueueError,
  type Quota,
  type QuotaSubject,
  type Role,
  type RoleBinding,
  StorageError,
  type User,
} from '@querator/core';
import type { Session, Statement } from '../database/database.ts';
import { insertState, STATE_ID } from '../schema/tables/access.ts';
import { isRefusedData, LACKS, type NamedTexts } from '../sql/refused-data.ts';
import { textArray } from '../wire/binary-array.ts';
import { PostgresAccessReads } from './access-reads.ts';
import type { AccessRelations } from './access-relations.ts';
import { toParameter } from './access-rows.ts';

/** One transaction. The lock on the row of the state makes it the only one. */
export class PostgresAccessTransaction extends PostgresAccessReads implements AccessTransaction {
  readonly #session: Session;
  readonly #relations: AccessRelations;
  #changed = false;
  #failure: unknown;
  #refusable: NamedTexts = [];

  private constructor(session: Session, relations: AccessRelations) {
    super(({ statement, texts }) => this.#search(texts, () => statement(relations)));
    this.#session = session;
    this.#relations = relations;
  }

  /** Waits for other transactions to end. Call it before anything else in the session's transaction. */
  static async begin(session: Session, relations: AccessRelations): Promise<PostgresAccessTransaction> {
    const { state } = relations;
    const lock = () => session.query({ text: `SELECT 1 FROM ${state} WHERE id = ${STATE_ID} FOR UPDATE` });
    if ((await lock()).length === 0) {
      // There was no change before, or a backup brought the table back without its row.
      await session.query({ text: insertState(state) });
      await lock();
    }
    return new PostgresAccessTransaction(session, relations);
  }

  /** The texts of the last write, by field. */
  get refusable(): NamedTexts {
    return this.#refusable;
  }

  /**
   * Raises the generation if anything was changed. Later calls fail.
   *
   * @throws the error of the first call that failed.
   */
  async end(): Promise<void> {
    if (this.#changed) {
      const { state } = this.#relations;
      await this.#query({ text: `UPDATE ${state} SET generation = generation + 1 WHERE id = ${STATE_ID}` });
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#failure = new StorageError('the transaction is over', { outcome: 'not-applied' });
  }

  async addNamespace({ name, description, apiKeyTag, createdAt }: Namespace): Promise<void> {
    const added = await this.#write({
      text: `INSERT INTO ${this.#relations.namespaces} (name, description, api_key_tag, created_at)
        VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING 1`,
      values: [name, description, apiKeyTag, toParameter(createdAt)],
      texts: [
        ['namespace name', [name]],
        ['namespace description', [description]],
        ['api key tag', [apiKeyTag]],
      ],
    });
    if (!added) throw this.#failed(ACCESS_CONFLICTS.namespace(name));
  }

  updateNamespace({
    name,
    description,
    apiKeyTag,
  }: Pick<Namespace, 'name' | 'description' | 'apiKeyTag'>): Promise<boolean> {
    return this.#write({
      text: `UPDATE ${this.#relations.namespaces} SET description = $2, api_key_tag = $3
        WHERE name = $1 RETURNING 1`,
      values: [name, description, apiKeyTag],
      texts: [
        ['namespace name', [name]],
        ['namespace description', [description]],
        ['api key tag', [apiKeyTag]],
      ],
    });
  }

  removeNamespace(name: string): Promise<boolean> {
    const { namespaces, apiKeys, quotas } = this.#relations;
    return this.#write({
      text: `WITH gone AS (DELETE FROM ${namespaces} WHERE name = $1 RETURNING name),
          keys AS (DELETE FROM ${apiKeys}
            WHERE namespace_scope = $1 AND namespace_scope <> '' AND EXISTS (SELECT FROM gone) RETURNING id),
          quotas AS (DELETE FROM ${quotas} WHERE (kind, name) IN (
            SELECT 'namespace', name FROM gone UNION ALL SELECT 'key', id FROM keys))
        SELECT 1 FROM gone`,
      values: [name],
      texts: [['namespace name', [name]]],
    });
  }

  async namespaceHasQueues(name: string): Promise<boolean> {
    const { namespaces, queues } = this.#relations;
    const search = (text: string) => this.#search([name], () => ({ text, values: [name] }));
    // Waits for creates that have locked the namespace, and makes further ones wait. Only then the queues count.
    await search(`SELECT 1 FROM ${namespaces} WHERE name = $1 FOR UPDATE`);
    return (await search(`SELECT 1 FROM ${queues} WHERE namespace = $1 LIMIT 1`)).length > 0;
  }

  async addUser(user: User): Promise<void> {
    const { id, username, externalId, email } = user;
    const added = await this.#write({
      text: `INSERT INTO ${this.#relations.users} (id, username, external_id, email, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1`,
      values: [id, username, externalId, email, toParameter(user.createdAt), toParameter(user.updatedAt)],
      texts: [
        ['username', [username]],
        ['user id', [id]],
        ['external_id', [externalId]],
        ['email', [email]],
      ],
    });
    if (added) return;
    const isIdTaken = (await this.user(id)) !== undefined;
    throw this.#failed(isIdTaken ? ACCESS_CONFLICTS.user(id) : ACCESS_CONFLICTS.username(username));
  }

  removeUser(id: string): Promise<boolean> {
    const { users, apiKeys, bindings, quotas } = this.#relations;
    return this.#write({
      text: `WITH gone AS (DELETE FROM ${users} WHERE id = $1 RETURNING 1),
          keys AS (DELETE FROM ${apiKeys} WHERE user_id = $1 AND EXISTS (SELECT FROM gone) RETURNING id),
          quotas AS (DELETE FROM ${quotas} WHERE kind = 'key' AND name IN (SELECT id FROM keys)),
          bindings AS (DELETE FROM ${bindings} WHERE user_id = $1 AND EXISTS (SELECT FROM gone))
        SELECT 1 FROM gone`,
      values: [id],
      texts: [['user id', [id]]],
    });
  }

  async addApiKey(key: ApiKey): Promise<void> {
    const { id, userId, name, namespaceScope, hash, previous, prefix } = key;
    if ((await this.apiKey(id)) !== undefined) throw this.#failed(ACCESS_CONFLICTS.apiKey());
    if (await this.#areTaken(key)) throw this.#failed(ACCESS_CONFLICTS.apiKeyHash());
    await this.#write({
      text: `INSERT INTO ${this.#relations.apiKeys} (id, user_id, name, namespace_scope, hash, previous_hash,
          previous_valid_until, prefix, expires_at, last_used_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING 1`,
      values: [
        ...[id, userId, name, namespaceScope, hash],
        ...[previous?.hash ?? null, toParameter(previous?.validUntil), prefix],
        ...[toParameter(key.expiresAt), toParameter(key.lastUsedAt), toParameter(key.createdAt)],
      ],
      texts: [
        ['api key name', [name]],
        ['api key id', [id]],
        ['user id', [userId]],
        ['namespace_scope', [namespaceScope]],
        ['api key', [hash, previous?.hash ?? '', prefix]],
      ],
    });
  }

  async updateApiKey(key: Pick<ApiKey, 'id' | 'hash' | 'previous' | 'prefix'>): Promise<boolean> {
    const { id, hash, previous, prefix } = key;
    if ((await this.apiKey(id)) === undefined) return false;
    if (await this.#areTaken(key)) throw this.#failed(ACCESS_CONFLICTS.apiKeyHash());
    return this.#write({
      text: `UPDATE ${this.#relations.apiKeys}
        SET hash = $2, previous_hash = $3, previous_valid_until = $4, prefix = $5 WHERE id = $1 RETURNING 1`,
      values: [id, hash, previous?.hash ?? null, toParameter(previous?.validUntil), prefix],
      texts: [
        ['api key id', [id]],
        ['api key', [hash, previous?.hash ?? '', prefix]],
      ],
    });
  }

  removeApiKey(id: string): Promise<boolean> {
    const { apiKeys, quotas } = this.#relations;
    return this.#write({
      text: `WITH gone AS (DELETE FROM ${apiKeys} WHERE id = $1 RETURNING id),
          quotas AS (DELETE FROM ${quotas} WHERE kind = 'key' AND name IN (SELECT id FROM gone))
        SELECT 1 FROM gone`,
      values: [id],
      texts: [['api key id', [id]]],
    });
  }

  async addRole({ id, namespace, name, permissions, createdAt }: Role): Promise<void> {
    const added = await this.#write({
      text: `INSERT INTO ${this.#relations.roles} (id, namespace, name, permissions, created_at)
        VALUES ($1, $2, $3, $4::jsonb, $5) ON CONFLICT DO NOTHING RETURNING 1`,
      values: [id, namespace, name, JSON.stringify(permissions), toParameter(createdAt)],
      texts: [
        ['role name', [name]],
        ['role namespace', [namespace]],
        ['role id', [id]],
        ['permissions', permissions],
      ],
    });
    if (!added) throw this.#failed(ACCESS_CONFLICTS.role({ namespace, name }));
  }

  updateRole({ id, permissions }: Pick<Role, 'id' | 'permissions'>): Promise<boolean> {
    return this.#write({
      text: `UPDATE ${this.#relations.roles} SET permissions = $2::jsonb WHERE id = $1 RETURNING 1`,
      values: [id, JSON.stringify(permissions)],
      texts: [
        ['role id', [id]],
        ['permissions', permissions],
      ],
    });
  }

  removeRole(id: string): Promise<boolean> {
    return this.#remove('roles', id, 'role id');
  }

  async addBinding({ id, userId, namespace, roleId, createdAt }: RoleBinding): Promise<void> {
    const added = await this.#write({
      text: `INSERT INTO ${this.#relations.bindings} (id, user_id, namespace, role_id, created_at)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING 1`,
      values: [id, userId, namespace, roleId, toParameter(createdAt)],
      texts: [
        ['role binding namespace', [namespace]],
        ['role binding user_id', [userId]],
        ['role binding role_id', [roleId]],
        ['role binding id', [id]],
      ],
    });
    if (!added) throw this.#failed(ACCESS_CONFLICTS.binding({ userId, namespace, roleId }));
  }

  removeBinding(id: string): Promise<boolean> {
    return this.#remove('bindings', id, 'role binding id');
  }

  async setQuota({ subject: { kind, name }, limits }: Quota): Promise<void> {
    await this.#write({
      text: `INSERT INTO ${this.#relations.quotas} AS quota (kind, name, limits) VALUES ($1, $2, $3::jsonb)
        ON CONFLICT (kind, name) DO UPDATE SET limits = excluded.limits RETURNING 1`,
      values: [kind, name, JSON.stringify(limits)],
      texts: [['quota name', [name]]],
    });
  }

  removeQuota({ kind, name }: QuotaSubject): Promise<boolean> {
    return this.#write({
      text: `DELETE FROM ${this.#relations.quotas} WHERE kind = $1 AND name = $2 RETURNING 1`,
      values: [kind, name],
      texts: [['quota name', [name]]],
    });
  }

  #remove(table: 'roles' | 'bindings', id: string, field: string): Promise<boolean> {
    return this.#write({
      text: `DELETE FROM ${this.#relations[table]} WHERE id = $1 RETURNING 1`,
      values: [id],
      texts: [[field, [id]]],
    });
  }

  /** Whether another key has one of these hashes, or both are the same. */
  async #areTaken({ id, hash, previous }: Pick<ApiKey, 'id' | 'hash' | 'previous'>): Promise<boolean> {
    if (hash === previous?.hash) return true;
    const { apiKeys } = this.#relations;
    const hashes = textArray(previous === undefined ? [hash] : [hash, previous.hash]);
    const found = await this.#query({
      text: `SELECT 1 FROM ${apiKeys} WHERE hash = ANY ($1::text[]) AND id <> $2
        UNION ALL SELECT 1 FROM ${apiKeys} WHERE previous_hash = ANY ($1::text[]) AND id <> $2`,
      values: [hashes, id],
    });
    return found.length > 0;
  }

  /** @returns whether the statement returned a row: it changed something. */
  async #write({
    text,
    values,
    texts,
  }: {
    readonly text: string;
    readonly values: readonly unknown[];
    readonly texts: NamedTexts;
  }): Promise<boolean> {
    this.#refusable = texts;
    for (const [field, each] of texts) {
      // Malformed UTF-16 would be sent as U+FFFD, and stored as another text.
      if (each.some(isUnstorable)) {
        throw this.#failed(invalid(errorText`${field} is invalid; it ${LACKS}`));
      }
    }
    const hasChanged = (await this.#query({ text, values })).length > 0;
    this.#changed ||= hasChanged;
    return hasChanged;
  }

  /** No record has a text that the database cannot hold. It would fail the transaction because of one. */
  async #search<Row>(texts: readonly string[], statement: () => Statement): Promise<readonly Row[]> {
    if (this.#failure !== undefined) throw this.#failure;
    if (texts.some(isUnstorable)) return [];
    if (texts.every((text) => IS_ASCII.test(text))) return this.#query(statement());
    await this.#query({ text: 'SAVEPOINT search' });
    try {
      return await this.#session.query<Row>(statement());
    } catch (error) {
      if (!isRefusedData(error)) {
        this.#failure ??= error;
        throw error;
      }
      await this.#query({ text: 'ROLLBACK TO SAVEPOINT search' });
      return [];
    }
  }

  async #query<Row>(statement: Parameters<Session['query']>[0]): Promise<readonly Row[]> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return await this.#session.query<Row>(statement);
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }

  #failed(error: QueueError): QueueError {
    this.#failure ??= error;
    return error;
  }
}

/** Every encoding has these. */
const IS_ASCII = /^[\t\n\r -~]*$/;

function isUnstorable(text: string): boolean {
  return !text.isWellFormed() || text.includes('\0');
}
