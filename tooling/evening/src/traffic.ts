import { setTimeout as delay } from 'node:timers/promises';
import type { ApiCaller } from './api-caller.ts';
import { event, lease, type Scene } from './scene.ts';

export interface TrafficOptions {
  readonly signal: AbortSignal;
  /** Told what a client writes into its log. */
  readonly onComplaint: (client: string, text: string) => void;
}

/** The clients go on as they do on such an evening, until the signal. A refusal ends none of them. */
export async function keepGoing(
  admin: ApiCaller,
  scene: Scene,
  { signal, onComplaint }: TrafficOptions,
): Promise<void> {
  const shop = admin.with(scene.shop);
  const workers = admin.with(scene.workers);
  const importer = admin.with(scene.importer);
  const client = async (name: string, pause: number, step: () => Promise<void>) => {
    while (!signal.aborted) {
      await step().catch((error: Error) => onComplaint(name, error.message));
      await delay(pause, undefined, { signal }).catch(() => {});
    }
  };
  let sent = 0;
  await Promise.all([
    client('web shop', 1_000, () =>
      produce(shop, 'orders', [{ kind: 'order', utf8: `{"order":${++sent},"total":"19.90"}` }]),
    ),
    client('web shop', 1_000, () =>
      produce(shop, 'mail', [{ kind: 'letter', utf8: `Dear customer ${++sent}` }]),
    ),
    client('order worker', 500, () => processOrders(workers)),
    client('mail worker', 500, () => processMail(workers)),
    client('acme importer', 200, () =>
      produce(
        importer,
        'events',
        Array.from({ length: 100 }, () => {
          const { payload, ...rest } = event('acme', ++sent);
          return { ...rest, utf8: payload };
        }),
      ),
    ),
    client('stuck consumer', 60_000, () => renew(workers, scene.held)),
  ]);
}

async function produce(caller: ApiCaller, queue_name: string, items: readonly object[]): Promise<void> {
  await caller.call('v2/queue.produce', { queue_name, request_timeout: '5s', items });
}

/** Completes orders, and gives back those of the kind that it cannot read. */
async function processOrders(workers: ApiCaller): Promise<void> {
  const request = { queue_name: 'orders', client_id: 'order-worker', batch_size: 20, request_timeout: '5s' };
  const { items, partition = 0 } = await workers.call('v2/queue.lease', request);
  const ofKind = (wanted: boolean) =>
    (items as { id: string; kind: string }[]).filter(({ kind }) => (kind === 'order') === wanted);
  const ids = ofKind(true).map(({ id }) => id);
  const failed = ofKind(false).map(({ id }) => ({
    id,
    error: "cannot parse the order: unexpected '<' at position 0",
  }));
  const of = { queue_name: 'orders', partition };
  if (ids.length > 0) await workers.call('v1/queue.complete', { ...of, request_timeout: '5s', ids });
  if (failed.length > 0) await workers.call('v2/queue.retry', { ...of, items: failed });
}

/** A mail worker that does its work. */
async function processMail(workers: ApiCaller): Promise<void> {
  const { ids, partition } = await lease(workers, 'mail', 5);
  await workers.call('v1/queue.complete', { queue_name: 'mail', partition, request_timeout: '5s', ids });
}

/** Another one, which renews its leases and never completes an item. */
async function renew(workers: ApiCaller, ids: readonly string[]): Promise<void> {
  const request = { queue_name: 'mail', partition: 0, request_timeout: '5s', lease_timeout: '10m', ids };
  await workers.call('v2/queue.extend', request);
}
