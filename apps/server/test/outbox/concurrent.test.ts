import { SeededRandom } from '@querator/core/testing';
import { enqueue } from '@querator/outbox/pg';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunningServer } from '../../src/index.ts';
import { Application, Caller, PLACES } from './support/outbox-fixture.ts';

const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const CLIENTS = 6;
const TRANSACTIONS = 25;
const QUEUE = 'orders';

/** A transaction that has committed. */
interface Committed {
  readonly texts: readonly string[];
  /** Counts the begins and ends of all transactions, as their clients saw them. */
  readonly begun: number;
  readonly ended: number;
}

describe.each(PLACES)('concurrent transactions, with the queue %s', { timeout: 60_000 }, (place) => {
  let application: Application;
  let storage: TestDatabase | undefined;
  const servers: RunningServer[] = [];

  beforeEach(async () => {
    application = await Application.create();
    storage = place === 'in another database' ? await createTestDatabase() : undefined;
    for (let n = 0; n < 2; n++) servers.push(await application.start({ storage: storage?.connectionString }));
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    await application.drop();
    await storage?.drop();
  });

  let moment = 0;

  /** Runs transactions one after the other, some of which roll back. */
  async function runClient(name: number, random: SeededRandom): Promise<readonly Committed[]> {
    const client = await Application.connect(application);
    const committed: Committed[] = [];
    for (let n = 0; n < TRANSACTIONS; n++) {
      const texts: string[] = [];
      const begun = moment++;
      await client.query('BEGIN');
      for (let call = 0; call <= random.fraction() * 3; call++) {
        const some = Array.from(
          { length: 1 + Math.floor(random.fraction() * 3) },
          (_, i) => `${name}.${n}.${call}.${i}`,
        );
        await enqueue(
          client,
          QUEUE,
          some.map((payload) => ({ payload })),
        );
        texts.push(...some);
        // Others begin and commit meanwhile.
        if (random.fraction() < 0.3) await client.query('SELECT pg_sleep(0.02)');
      }
      if (random.fraction() < 0.25) {
        await client.query('ROLLBACK');
        continue;
      }
      await client.query('COMMIT');
      committed.push({ texts, begun, ended: moment++ });
    }
    await client.end();
    return committed;
  }

  test(`each item of a committed one arrives once, in the order that is promised (seed ${SEED})`, async () => {
    const random = new SeededRandom(SEED);
    const caller = new Caller(servers[1] as RunningServer);
    await caller.create(QUEUE);
    const clients = Array.from({ length: CLIENTS }, (_, name) => runClient(name, random));
    // The relay changes in between.
    const changed = clients[0]?.then(() => servers.shift()?.stop());
    const committed = (await Promise.all(clients)).flat();
    await changed;

    const all = committed.flatMap(({ texts }) => texts);
    const arrived = await caller.texts(QUEUE, all.length);
    expect([...arrived].sort()).toEqual([...all].sort());
    await expect.poll(() => application.rows()).toBe(0);
    expect(await caller.held(QUEUE)).toBe(all.length);

    const places = new Map(arrived.map((text, at) => [text, at]));
    const placed = committed.map(({ texts, begun, ended }) => {
      const at = texts.map((text) => places.get(text) as number);
      expect(at).toEqual([...at].sort((a, b) => a - b));
      return { begun, ended, first: at[0] as number, last: at.at(-1) as number };
    });
    for (const earlier of placed) {
      for (const later of placed)
        if (earlier.ended < later.begun) expect(earlier.last).toBeLessThan(later.first);
    }
  });
});
