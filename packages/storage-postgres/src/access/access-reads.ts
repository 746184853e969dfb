import type {
  AccessListRequest,
  AccessReads,
  ApiKey,
  Namespace,
  Quota,
  QuotaKind,
  QuotaSubject,
  Role,
  RoleBinding,
  User,
} from '@querator/core';
import type { Statement } from '../database/database.ts';
import type { AccessRelations } from './access-relations.ts';
import {
  type ApiKeyRow,
  type BindingRow,
  type NamespaceRow,
  type QuotaRow,
  type RoleRow,
  rowToApiKey,
  rowToBinding,
  rowToNamespace,
  rowToQuota,
  rowToRole,
  rowToUser,
  type UserRow,
} from './access-rows.ts';

/** A search for records. */
export interface Search {
  /** The statement. It can only be made once the tables exist. */
  readonly statement: (relations: AccessRelations) => Statement;
  /** The texts that a record must have. There is none if the database cannot hold one of them. */
  readonly texts: readonly string[];
  /** Where the page starts. */
  readonly pivot?: string;
}

/** Runs a search. */
export type RunSearch = <Row>(search: Search) => Promise<readonly Row[]>;

/** Reads records, in a transaction or without one. */
export class PostgresAccessReads implements AccessReads {
  readonly #run: RunSearch;

  constructor(run: RunSearch) {
    this.#run = run;
  }

  async namespace(name: string): Promise<Namespace | undefined> {
    const row = await this.#one<NamespaceRow>((from) => `${from.namespaces} WHERE name = $1`, [name]);
    return row && rowToNamespace(row);
  }

  async namespaces(request: AccessListRequest): Promise<readonly Namespace[]> {
    const rows = await this.#page<NamespaceRow>(({ namespaces }) => namespaces, [], request, 'name');
    return rows.map(rowToNamespace);
  }

  async user(id: string): Promise<User | undefined> {
    const row = await this.#one<UserRow>((from) => `${from.users} WHERE id = $1`, [id]);
    return row && rowToUser(row);
  }

  async userNamed(username: string): Promise<User | undefined> {
    const row = await this.#one<UserRow>((from) => `${from.users} WHERE username = $1`, [username]);
    return row && rowToUser(row);
  }

  async users(request: AccessListRequest): Promise<readonly User[]> {
    const rows = await this.#page<UserRow>(({ users }) => users, [], request);
    return rows.map(rowToUser);
  }

  async apiKey(id: string): Promise<ApiKey | undefined> {
    const row = await this.#one<ApiKeyRow>((from) => `${from.apiKeys} WHERE id = $1`, [id]);
    return row && rowToApiKey(row);
  }

  async apiKeys(request: AccessListRequest & { readonly userId: string }): Promise<readonly ApiKey[]> {
    const { userId } = request;
    const filter: Filter = userId === '' ? [] : [['user_id', userId]];
    const rows = await this.#page<ApiKeyRow>(({ apiKeys }) => apiKeys, filter, request);
    return rows.map(rowToApiKey);
  }

  async role(namespace: string, name: string): Promise<Role | undefined> {
    const from = ({ roles }: AccessRelations) => `${roles} WHERE namespace = $1 AND name = $2`;
    const row = await this.#one<RoleRow>(from, [namespace, name]);
    return row && rowToRole(row);
  }

  async roles(request: AccessListRequest & { readonly namespace: string }): Promise<readonly Role[]> {
    const filter: Filter = [['namespace', request.namespace]];
    const rows = await this.#page<RoleRow>(({ roles }) => roles, filter, request);
    return rows.map(rowToRole);
  }

  async binding({
    userId,
    namespace,
    roleId,
  }: Pick<RoleBinding, 'userId' | 'namespace' | 'roleId'>): Promise<RoleBinding | undefined> {
    const from = ({ bindings }: AccessRelations) =>
      `${bindings} WHERE user_id = $1 AND namespace = $2 AND role_id = $3`;
    const row = await this.#one<BindingRow>(from, [userId, namespace, roleId]);
    return row && rowToBinding(row);
  }

  async bindings(
    request: AccessListRequest & { readonly namespace: string; readonly userId: string },
  ): Promise<readonly RoleBinding[]> {
    const { namespace, userId } = request;
    const ofUser: Filter = userId === '' ? [] : [['user_id', userId]];
    const filter: Filter = [['namespace', namespace], ...ofUser];
    const rows = await this.#page<BindingRow>(({ bindings }) => bindings, filter, request);
    return rows.map(rowToBinding);
  }

  async bindingsOf(roleId: string, limit: number): Promise<readonly RoleBinding[]> {
    const filter: Filter = [['role_id', roleId]];
    const rows = await this.#page<BindingRow>(({ bindings }) => bindings, filter, { pivot: '', limit });
    return rows.map(rowToBinding);
  }

  async quota({ kind, name }: QuotaSubject): Promise<Quota | undefined> {
    const from = ({ quotas }: AccessRelations) => `${quotas} WHERE kind = $1 AND name = $2`;
    const row = await this.#one<QuotaRow>(from, [kind, name]);
    return row && rowToQuota(row);
  }

  async quotas(request: AccessListRequest & { readonly kind: QuotaKind }): Promise<readonly Quota[]> {
    const filter: Filter = [['kind', request.kind]];
    const rows = await this.#page<QuotaRow>(({ quotas }) => quotas, filter, request, 'name');
    return rows.map(rowToQuota);
  }

  async #one<Row>(
    from: (relations: AccessRelations) => string,
    texts: readonly string[],
  ): Promise<Row | undefined> {
    const statement = (relations: AccessRelations) => ({
      text: `SELECT * FROM ${from(relations)}`,
      values: texts,
    });
    const [row] = await this.#run<Row>({ statement, texts });
    return row;
  }

  #page<Row>(
    from: (relations: AccessRelations) => string,
    filter: Filter,
    { pivot, limit }: AccessListRequest,
    key = 'id',
  ): Promise<readonly Row[]> {
    const texts = filter.map(([, text]) => text);
    const conditions = filter.map(([column], index) => `${column} = $${index + 3}`);
    const where = [...conditions, `${key} >= $1`].join(' AND ');
    const statement = (relations: AccessRelations) => ({
      text: `SELECT * FROM ${from(relations)} WHERE ${where} ORDER BY ${key} LIMIT $2`,
      values: [pivot, limit, ...texts],
    });
    return this.#run({ statement, texts, pivot });
  }
}

/** Columns and the texts in them. */
type Filter = readonly (readonly [column: string, text: string])[];
