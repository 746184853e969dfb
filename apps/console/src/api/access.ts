import { call } from './call.ts';
import type { Page, Span, Time } from './types.ts';

/** A user. */
export interface User {
  readonly id: string;
  readonly username: string;
  readonly external_id?: string;
  readonly email?: string;
  readonly created_at?: Time;
}

/** An API key without its secret. */
export interface ApiKey {
  readonly id: string;
  readonly user_id: string;
  readonly namespace_scope?: string;
  readonly name?: string;
  readonly prefix?: string;
  readonly expires_at?: Time;
  readonly last_used_at?: Time;
  readonly created_at?: Time;
}

/** A key that was just made, whole. It is shown once. */
export interface NewKey {
  readonly id: string;
  readonly key: string;
}

/** A named list of permissions in a namespace. */
export interface Role {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly permissions?: readonly string[];
  readonly created_at?: Time;
}

/** Gives a user the permissions of a role in a namespace. */
export interface Binding {
  readonly id: string;
  readonly namespace: string;
  readonly user_id: string;
  readonly role_id: string;
  readonly created_at?: Time;
}

/** A namespace. */
export interface Namespace {
  readonly name: string;
  readonly description?: string;
  readonly created_at?: Time;
}

/** The limits of a namespace or a key. Absent: no limit. */
export type Limits = Readonly<Partial<Record<LimitName, number>>>;

export type LimitName =
  | 'queues'
  | 'partitions'
  | 'items_waiting'
  | 'bytes_waiting'
  | 'requests_per_second'
  | 'items_per_second'
  | 'waiting_consumers'
  | 'connections';

/** A quota and its use. */
export interface Quota {
  readonly limits?: Limits;
  readonly source?: string;
  readonly usage?: Limits & { readonly sample_age?: Span; readonly processes?: number };
}

/** A page of a list by its first id. One more than the page has is asked for: it begins the next. */
async function listFrom<Row>(
  path: string,
  request: object,
  { first, pivotOf, limit, signal }: ListFrom<Row>,
): Promise<Page<Row>> {
  const asked = { ...request, pivot: first, limit: limit + 1 };
  const { items = [] } = await call<Page<Row>>(path, asked, { signal });
  const next = items[limit];
  return { items: items.slice(0, limit), ...(next === undefined ? {} : { cursor: pivotOf(next) }) };
}

interface ListFrom<Row> {
  readonly first: string;
  readonly pivotOf: (row: Row) => string;
  readonly limit: number;
  readonly signal: AbortSignal;
}

const LIMIT = 100;
const byId = <Row extends { readonly id: string }>(first: string, signal: AbortSignal): ListFrom<Row> => ({
  first,
  pivotOf: ({ id }) => id,
  limit: LIMIT,
  signal,
});

export const listUsers = (first: string, signal: AbortSignal): Promise<Page<User>> =>
  listFrom('v1/users.list', {}, byId<User>(first, signal));

export const listKeys = (userId: string, first: string, signal: AbortSignal): Promise<Page<ApiKey>> =>
  listFrom('v1/apikeys.list', { user_id: userId }, byId<ApiKey>(first, signal));

export const listRoles = (namespace: string, first: string, signal: AbortSignal): Promise<Page<Role>> =>
  listFrom('v1/roles.list', { namespace }, byId<Role>(first, signal));

export const listBindings = (namespace: string, first: string, signal: AbortSignal): Promise<Page<Binding>> =>
  listFrom('v1/rolebindings.list', { namespace }, byId<Binding>(first, signal));

export const listNamespaces = (first: string, signal: AbortSignal): Promise<Page<Namespace>> =>
  listFrom<Namespace>('v1/namespaces.list', {}, { first, pivotOf: ({ name }) => name, limit: LIMIT, signal });

export const createUser = (user: { readonly username: string; readonly email: string }): Promise<unknown> =>
  call('v1/users.create', user);

export const deleteUser = (id: string): Promise<unknown> => call('v1/users.delete', { id });

/** The fields of a new key. */
export interface KeyRequest {
  readonly user_id: string;
  readonly name: string;
  readonly namespace_scope: string;
  readonly expires_at?: Time;
}

export const createKey = (request: KeyRequest): Promise<NewKey> => call('v1/apikeys.create', request);

export const rotateKey = (id: string, grace: Span): Promise<NewKey> =>
  call('v2/apikeys.rotate', { id, grace });

export const deleteKey = (id: string): Promise<unknown> => call('v1/apikeys.delete', { id });

/**
 * The rows with these ids, by id. Lists begin at an id, so each call finds one of them at least, or shows that it is
 * missing.
 */
export async function rowsOf<Row extends { readonly id: string }>(
  ids: readonly string[],
  list: (first: string, signal: AbortSignal) => Promise<Page<Row>>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Row>> {
  const found = new Map<string, Row>();
  const wanted = new Set(ids);
  for (const first of [...wanted].sort()) {
    if (found.has(first)) continue;
    const { items = [] } = await list(first, signal);
    for (const row of items) if (wanted.has(row.id)) found.set(row.id, row);
  }
  return found;
}

type RoleName = Pick<Role, 'namespace' | 'name'>;

/** Creates a role, or replaces the permissions of one. */
export const saveRole = (
  role: RoleName & { readonly permissions: readonly string[] },
  isNew: boolean,
): Promise<unknown> => call(isNew ? 'v1/roles.create' : 'v1/roles.update', role);

export const deleteRole = ({ namespace, name }: RoleName): Promise<unknown> =>
  call('v1/roles.delete', { namespace, name });

type BindingNames = { readonly namespace: string; readonly role_name: string; readonly user_id: string };

export const createBinding = (binding: BindingNames): Promise<unknown> =>
  call('v1/rolebindings.create', binding);

export const deleteBinding = (binding: BindingNames): Promise<unknown> =>
  call('v1/rolebindings.delete', binding);

export const createNamespace = (namespace: Pick<Namespace, 'name' | 'description'>): Promise<unknown> =>
  call('v1/namespaces.create', namespace);

export const deleteNamespace = (name: string): Promise<unknown> => call('v1/namespaces.delete', { name });

/** What has a quota. */
export type QuotaOwner = { readonly namespace: string } | { readonly key_id: string };

export const getQuota = (owner: QuotaOwner, signal: AbortSignal): Promise<Quota> =>
  call('v2/quotas.get', owner, { signal });

/** Sets all limits. Undefined: those of the configuration count again. */
export const setQuota = (owner: QuotaOwner, limits: Limits | undefined): Promise<unknown> =>
  call('v2/quotas.set', { ...owner, ...(limits === undefined ? {} : { limits }) });
