import { itemsTableName } from '@querator/storage-postgres';
import { databaseOf } from '../testbed/sides.ts';
import type { Site } from '../testbed/site.ts';
import type { TestBed } from '../testbed/test-bed.ts';
import { byTurns, type RunOptions, rateOf, type Scenario } from './scenario.ts';

const FULL = { items: 10_000 };
const SHORT = { items: 2_000 };
/** Each lease is extended when half of it has passed, in calls of so many ids. */
const LEASE_TIMEOUT = '1m';
const EXTENDED_EACH_MS = 30_000;
const IDS_PER_CALL = 1_000;
/** A measurement takes several calls of {@link FULL}. */
const SHORTEST_SECONDS = 6;

/** Consumers beside items that others hold for long. */
export const heldLeases: Scenario = {
  name: 'held-leases',
  title: 'the cycle beside 10,000 items held on leases of a minute, in the same queue, against none',
  atLeast: 0.95,
  async run(bed, options) {
    const { items } = options.short === true ? SHORT : FULL;
    const seconds = Math.max(options.seconds, options.short === true ? 2 : SHORTEST_SECONDS);
    const site = await bed.site();
    const [free, held] = ['bench-held-none', 'bench-held'];
    await site.createQueue(free);
    await site.createQueue(held);
    const { tables } = databaseOf(site);
    await tables.fill(free, 1, { payloadBytes: options.payloadBytes });
    await tables.fill(held, 1, { leased: items, payloadBytes: options.payloadBytes });
    const [ids = []] = await tables.leasedIds(held, 1);
    await site.reload(held);
    const holder = holdAll(site, held, ids);
    const sizes: Sizes[] = [];
    const beside = async () => {
      const outcome = await cycle(bed, site, held, { ...options, seconds });
      sizes.push(await sizesOf(site, held));
      return rateOf(outcome);
    };
    try {
      const ratio = await byTurns(
        options.runs,
        async () => rateOf(await cycle(bed, site, free, { ...options, seconds })),
        beside,
      );
      const middle = sizes[sizes.length >> 1] as Sizes;
      const last = sizes.at(-1) as Sizes;
      const details = {
        ...{ items, extended: holder.extended(), lost: holder.lost() },
        ...{ tableMbMiddle: middle.tableMb, tableMbLast: last.tableMb },
        ...{ indexMbMiddle: middle.indexMb, indexMbLast: last.indexMb },
      };
      return { ...ratio, unit: 'items/s', details };
    } finally {
      await holder.stop();
    }
  },
};

interface Sizes {
  readonly tableMb: number;
  readonly indexMb: number;
}

async function sizesOf(site: Site, queue: string): Promise<Sizes> {
  const table = itemsTableName({ queue, partition: 0 });
  const { rows } = await databaseOf(site).admin.query<{ table: number; indexes: number }>(
    'SELECT pg_table_size($1::regclass)::float8 AS table, pg_indexes_size($1::regclass)::float8 AS indexes',
    [`"${table}"`],
  );
  const { table: bytes = 0, indexes = 0 } = rows[0] ?? {};
  return { tableMb: bytes / 1e6, indexMb: indexes / 1e6 };
}

/** Extends all leases over and over, one call after the other, evenly spread over the time. */
function holdAll(site: Site, queue: string, ids: readonly string[]) {
  const calls = Math.ceil(ids.length / IDS_PER_CALL);
  const stopping = new AbortController();
  let extended = 0;
  let lost = 0;
  const run = async () => {
    for (let call = 0; !stopping.signal.aborted; call = (call + 1) % calls) {
      const some = ids.slice(call * IDS_PER_CALL, (call + 1) * IDS_PER_CALL);
      const done = await site.extend(queue, some, LEASE_TIMEOUT);
      extended += done;
      lost += some.length - done;
      await pause(EXTENDED_EACH_MS / calls, stopping.signal);
    }
  };
  const running = run();
  return {
    extended: () => extended,
    lost: () => lost,
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}

async function cycle(bed: TestBed, site: Site, queue: string, { payloadBytes, seconds }: RunOptions) {
  const load = await bed.load();
  const target = { port: site.server.port, queue, format: 'protobuf', payloadBytes } as const;
  return load.call('run', { target, work: { operation: 'cycle', batch: 10, clients: 8, seconds } });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
