import { parseArgs } from 'node:util';
import { startTemporaryCluster } from '@querator/tooling-postgres';
import { HttpLoad } from './http-load.ts';
import { type Rates, rawCeiling } from './raw-ceiling.ts';
import { startServerProcess } from './server-process.ts';
import { formatCount, formatTable } from './table.ts';

const HELP = `Measures produce, lease and complete over HTTP beside the same statements on one bare connection.

  --batch N,N…     batch sizes (default 1,10,100,1000)
  --clients N      concurrent clients over HTTP (default 8)
  --seconds S      length of each measurement (default 2)
  --payload BYTES  size of each payload (default 100)
  --json           print JSON instead of a table
`;

const { values: options } = parseArgs({
  options: {
    batch: { type: 'string', default: '1,10,100,1000' },
    clients: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '2' },
    payload: { type: 'string', default: '100' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) process.stdout.write(HELP);
else await run();

/** One batch size: what the database does by itself, and what the server makes of it. */
interface Result {
  readonly batch: number;
  readonly raw: Rates;
  readonly http: Rates;
}

async function run(): Promise<void> {
  const cluster = await startTemporaryCluster();
  try {
    const connectionString = cluster.connectionString('postgres');
    const server = await startServerProcess(connectionString);
    const load = new HttpLoad(server.url);
    try {
      const results: Result[] = [];
      for (const batch of options.batch.split(',').map(Number))
        results.push(await measureBatch(load, connectionString, batch));
      process.stdout.write(`${options.json ? JSON.stringify(results, null, 2) : report(results)}\n`);
    } finally {
      load.close();
      await server.stop();
    }
  } finally {
    await cluster.stop();
  }
}

/** The ceiling and the server back to back, each on a queue of its own, so that one run compares like with like. */
async function measureBatch(load: HttpLoad, connectionString: string, batch: number): Promise<Result> {
  const measurement = {
    batch,
    payloadBytes: Number(options.payload),
    durationMs: Number(options.seconds) * 1_000,
    clients: Number(options.clients),
  };
  // Produced once and completed, so that the server has made the ceiling's table.
  const rawQueue = `bench-raw-${batch}`;
  await load.createQueue(rawQueue);
  await load.rates(rawQueue, { ...measurement, durationMs: 1, clients: 1 });
  const raw = await rawCeiling(connectionString, rawQueue, measurement);
  const queue = `bench-http-${batch}`;
  await load.createQueue(queue);
  await load.rates(queue, { ...measurement, durationMs: 200 });
  return { batch, raw, http: await load.rates(queue, measurement) };
}

function report(results: readonly Result[]): string {
  const rows = results.flatMap(({ batch, raw, http }) =>
    (['produce', 'lease', 'complete'] as const).map((operation) => {
      const ceiling = raw[operation].itemsPerSecond;
      const measured = http[operation].itemsPerSecond;
      return [
        `${operation}, batch ${batch}`,
        formatCount(ceiling),
        formatCount(measured),
        (measured / ceiling).toFixed(2),
      ];
    }),
  );
  const title = `items/s; HTTP with protobuf and ${options.clients} clients; ${options.payload} B payloads; ${options.seconds} s each`;
  return `${title}\n\n${formatTable(['', 'one connection', 'over HTTP', 'ratio'], rows)}`;
}
