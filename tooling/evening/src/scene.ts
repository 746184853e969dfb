import type { ApiCaller } from './api-caller.ts';

/** How many items the scene begins with. */
export interface SceneSizes {
  /** Orders that can be processed. */
  readonly orders: number;
  /** Orders that no consumer can read. Half of them are dead at the beginning. */
  readonly poisoned: number;
  readonly mail: number;
  /** What the stuck consumer holds of the mail. */
  readonly held: number;
  /** Events of all but the tenant that sends too many. */
  readonly events: number;
  readonly flood: number;
}

/** What the clients of the scene go on with: their keys, and what the stuck consumer holds. */
export interface Scene {
  /** Of the shop: produces orders and mail. */
  readonly shop: string;
  /** Of the consumers. */
  readonly workers: string;
  /** Of the tenant that sends too many events. */
  readonly importer: string;
  /** The ids that the stuck consumer holds of the queue `mail`. */
  readonly held: readonly string[];
}

/** 200,000 items. */
export const EVENING: SceneSizes = {
  orders: 70_000,
  poisoned: 40_000,
  mail: 20_000,
  held: 600,
  events: 10_000,
  flood: 60_000,
};

const POISON_ERROR = "cannot parse the order: unexpected '<' at position 0";
const BANK_ERROR = 'the bank does not answer';
const MAX_ATTEMPTS = 3;
const BATCH = 1_000;

/**
 * Brings a server with access control into the state of a bad evening. Its namespace `shop` is full, so that producers
 * are refused: of dead letters of the kind `order-v2`, and of the events of one tenant. A consumer holds mail and does
 * not complete it, and a schedule that is meant for every night fires every minute.
 */
export async function setScene(admin: ApiCaller, sizes: SceneSizes): Promise<Scene> {
  await admin.call('v1/namespaces.create', { name: 'shop', description: 'the web shop and its tenants' });
  const keys = {
    shop: await newKey(admin, 'shop-web', ['queue.produce']),
    workers: await newKey(admin, 'shop-workers', ['queue.lease', 'queue.complete', 'queue.retry']),
    importer: await newKey(admin, 'acme-importer', ['queue.produce']),
  };
  await createQueue(admin, 'orders-dead', { lease_timeout: '10m' });
  await createQueue(admin, 'orders', { dead_queue: 'orders-dead', max_attempts: MAX_ATTEMPTS });
  await createQueue(admin, 'mail', { lease_timeout: '10m' });
  await createQueue(admin, 'events', {});

  const workers = admin.with(keys.workers);
  // Those that die come first: leases take the head of the queue.
  const dead = Math.floor(sizes.poisoned / 2);
  await importItems(admin, 'orders', dead, poisonedOrder);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) await fail(workers, 'orders', dead, POISON_ERROR);
  const unlucky = Math.floor(sizes.orders / 10);
  await importItems(admin, 'orders', unlucky, order);
  await fail(workers, 'orders', unlucky, BANK_ERROR, { dead: true });

  await importItems(admin, 'orders', sizes.orders - unlucky, order);
  await importItems(admin, 'orders', sizes.poisoned - dead, poisonedOrder);
  await importItems(admin, 'mail', sizes.mail, (n) => ({ kind: 'letter', payload: `Dear customer ${n}` }));
  await importItems(admin, 'events', sizes.events, (n) => event('shop', n));
  await importItems(admin, 'events', sizes.flood, (n) => event('acme', n));
  const held: string[] = [];
  while (held.length < sizes.held) held.push(...(await lease(workers, 'mail', sizes.held - held.length)).ids);

  await admin.call('v2/schedules.create', {
    ...{ name: 'nightly-report', queue_name: 'mail', cron: '* * * * *', time_zone: 'UTC', missed: 'one' },
    item: { kind: 'report', utf8: 'the report of the night' },
  });
  const { held: _, ...stored } = sizes;
  const full = Object.values(stored).reduce((sum, size) => sum + size, 0);
  await admin.call('v2/quotas.set', { namespace: 'shop', limits: { items_waiting: full } });
  return { ...keys, held };
}

interface SceneItem {
  readonly kind: string;
  readonly payload: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

const order = (n: number): SceneItem => ({
  kind: 'order',
  payload: JSON.stringify({ order: n, total: '19.90' }),
});
const poisonedOrder = (n: number): SceneItem => ({ kind: 'order-v2', payload: `<order number="${n}"/>` });

/** An event of a tenant. */
export function event(tenant: string, n: number): SceneItem {
  return { kind: 'page-viewed', payload: `view ${n}`, metadata: { tenant } };
}

async function newKey(admin: ApiCaller, username: string, permissions: readonly string[]): Promise<string> {
  const { id } = await admin.call('v1/users.create', { username });
  await admin.call('v1/roles.create', { namespace: 'shop', name: username, permissions });
  await admin.call('v1/rolebindings.create', { namespace: 'shop', role_name: username, user_id: id });
  const { key } = await admin.call('v1/apikeys.create', {
    user_id: id,
    name: username,
    namespace_scope: 'shop',
  });
  return key;
}

async function createQueue(admin: ApiCaller, queue_name: string, settings: object): Promise<void> {
  await admin.call('v1/queues.create', {
    ...{
      queue_name,
      namespace: 'shop',
      lease_timeout: '1m',
      expire_timeout: '336h',
      requested_partitions: 1,
    },
    ...settings,
  });
}

async function importItems(
  admin: ApiCaller,
  queue_name: string,
  count: number,
  itemOf: (n: number) => SceneItem,
): Promise<void> {
  for (let from = 0; from < count; from += 10 * BATCH) {
    const items = Array.from({ length: Math.min(10 * BATCH, count - from) }, (_, n) => {
      const { payload, ...rest } = itemOf(from + n);
      return { ...rest, state: 'waiting', payload: Buffer.from(payload).toString('base64') };
    });
    await admin.call('v2/items.import', { queue_name, items });
  }
}

/** Leases items as the consumer `worker-7`. */
export async function lease(
  workers: ApiCaller,
  queue_name: string,
  count: number,
): Promise<{ readonly ids: readonly string[]; readonly partition: number }> {
  const request = { queue_name, client_id: 'worker-7', request_timeout: '10s' };
  const reply = await workers.call('v2/queue.lease', { ...request, batch_size: Math.min(count, BATCH) });
  return { ids: (reply.items as { id: string }[]).map(({ id }) => id), partition: reply.partition ?? 0 };
}

/** Leases items and gives them back with an error. */
async function fail(
  workers: ApiCaller,
  queue_name: string,
  count: number,
  error: string,
  { dead = false }: { readonly dead?: boolean } = {},
): Promise<void> {
  for (let failed = 0; failed < count; ) {
    const { ids, partition } = await lease(workers, queue_name, count - failed);
    const items = ids.map((id) => ({ id, error, dead }));
    await workers.call('v2/queue.retry', { queue_name, partition, items });
    failed += ids.length;
  }
}
