import { ConnectionLostError } from '@querator/client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ClientLoad, type Complaint } from '../instances/support/client-load.ts';
import { ServerProcesses } from '../instances/support/server-processes.ts';
import { PROCESS_PATIENCE as PATIENCE } from '../support/server-program.ts';

const OLDER_MAIN = process.env['QUERATOR_OLDER_MAIN'];
/** Whether the older version closes idle connections at its end, even those with a request on its way. */
const LOSES_CONNECTIONS = process.env['QUERATOR_OLDER_LOSES_CONNECTIONS'] === '1';

/** A request that was sent within this time may still be in flight. */
const UNDER_WAY_MS = 1_000;

/** The time from the end of an older server to the start of the newer one. */
interface Ending {
  readonly url: string;
  readonly from: number;
  readonly to: number;
}

/** Whether a request failed at the end of an older server, and neither at another time nor elsewhere. */
function isLostAt({ error, sentAt = 0 }: Complaint, endings: readonly Ending[]): boolean {
  if (!(error instanceof ConnectionLostError)) return false;
  // Until the newer one listens, a client may use a connection that the older one has closed.
  return endings.some(
    ({ url, from, to }) => error.url.startsWith(`${url}/`) && sentAt >= from - UNDER_WAY_MS && sentAt <= to,
  );
}

describe('a rolling upgrade from an older version, under load', { timeout: 180_000 }, () => {
  let both: ServerProcesses;
  let load: ClientLoad;

  beforeEach(async () => {
    both = await ServerProcesses.start({ count: 2, main: OLDER_MAIN });
  }, 60_000);
  afterEach(async () => {
    await load?.stop();
    await both?.stop();
  });

  test('loses no item, and both versions serve the same queues meanwhile', async () => {
    load = new ClientLoad(both.urls);
    const { ledger } = load;
    await both.create(0, 'q', { requested_partitions: 2, lease_timeout: '10s' });
    load.start('q', 4);
    const moreBy = async (items: number) => {
      const before = ledger.acknowledged;
      await vi.waitFor(() => expect(ledger.acknowledged).toBeGreaterThan(before + items), PATIENCE);
    };
    const endings: Ending[] = [];
    const upgrade = async (instance: number) => {
      const from = performance.now();
      load.stops(instance);
      expect(await both.terminate(instance)).toBe(0);
      await both.startOne(instance);
      endings.push({ url: both.urlOf(instance), from, to: performance.now() });
    };
    const produceAt = (instance: number, text: string) =>
      both.ask(instance, 'queue.produce', {
        ...{ queue_name: 'between', request_timeout: '10s', items: [{ utf8: text }] },
      });
    const takeAt = async (instance: number) => {
      const { json } = await both.ask(instance, 'queue.lease', {
        ...{ queue_name: 'between', batch_size: 1, client_id: `${Math.random()}`, request_timeout: '14s' },
      });
      const [{ id, bytes }] = json.items;
      await both.ask(instance, 'queue.complete', {
        queue_name: 'between',
        ids: [id],
        request_timeout: '10s',
      });
      return Buffer.from(bytes, 'base64').toString();
    };
    await both.create(1, 'between');
    await produceAt(1, 'by the older one, before');

    await moreBy(100);
    await upgrade(0);
    expect(await takeAt(0)).toBe('by the older one, before');
    await produceAt(1, 'by the older one');
    await produceAt(0, 'by the newer one');
    expect([await takeAt(0), await takeAt(1)]).toEqual(['by the older one', 'by the newer one']);

    await moreBy(100);
    await upgrade(1);
    await moreBy(100);
    const left = async () => {
      const { json } = await both.ask(0, 'queue.stats', { queue_name: 'q' });
      const totals = json.logicalQueues[0].partitions.map(({ total = 0 }) => Number(total));
      return totals.reduce((sum: number, total: number) => sum + total, 0);
    };
    await load.drain(() => vi.waitFor(async () => expect(await left()).toBe(0), PATIENCE));
    expect(ledger.undelivered).toEqual([]);
    const known = LOSES_CONNECTIONS ? endings : [];
    expect(load.complaints.filter((complaint) => !isLostAt(complaint, known))).toEqual([]);
  });
});
