import { parseArgs } from 'node:util';
import { type Axes, OPERATIONS, type OperationName } from './figures/points.ts';

export const HELP = `Measures the server over HTTP beside what its database, its service and its HTTP library can do, in one run.

  pnpm bench [--only NAME,NAME...]     the table of ratios, or some of its rows
  pnpm bench --figures [axes]          rates, latencies and costs beside their ceilings
  pnpm bench --against FOLDER          this server beside the built server of another checkout
  pnpm bench --guard                   fails when a ratio has fallen clearly below the recorded one
  pnpm bench --record                  records the ratios that --guard holds against

  --list             names the rows of the table of ratios
  --runs N           so many measurements of each side, by turns (default 5; figures: 3)
  --short            rows about size with a tenth of it, as CI runs them
  --seconds S        length of each measurement (default 1.5)
  --payload BYTES    size of each payload (default 100)
  --server FOLDER    measure the built server of another checkout
  --max-conns N      connections of the server to the database (default 10)
  --json FILE        write the figures there too

Axes of --figures; with none, one at a time is varied from protobuf, batch 100, 8 clients, 1 partition, 100 B:
  --operation ${Object.keys(OPERATIONS).join(',')}
  --format protobuf,json   --batch N,N...   --clients N,N...   --partitions N,N...   --payload BYTES,BYTES...
`;

/** The command. */
export type Mode = 'help' | 'list' | 'ratios' | 'figures' | 'against' | 'guard' | 'record';

/** The options of the command line. */
export interface Options {
  readonly mode: Mode;
  readonly only: readonly string[];
  readonly runs: number;
  readonly seconds: number;
  readonly payloadBytes: number;
  readonly short: boolean;
  readonly axes: Partial<Axes>;
  readonly checkout: string | undefined;
  /** The checkout to measure against. */
  readonly against: string;
  readonly maxConns: number;
  readonly json: string | undefined;
}

const FLAGS = ['help', 'list', 'figures', 'guard', 'record'] as const;

/** Reads the command line. @throws Error that names an unknown argument. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    // pnpm and turbo may pass on the `--` that ends their own options.
    args: args.filter((argument) => argument !== '--'),
    options: {
      ...{ help: { type: 'boolean' }, list: { type: 'boolean' }, figures: { type: 'boolean' } },
      ...{ guard: { type: 'boolean' }, record: { type: 'boolean' }, against: { type: 'string' } },
      ...{
        short: { type: 'boolean' },
        only: { type: 'string' },
        runs: { type: 'string' },
        seconds: { type: 'string' },
      },
      ...{ payload: { type: 'string' }, server: { type: 'string' }, 'max-conns': { type: 'string' } },
      ...{ json: { type: 'string' }, operation: { type: 'string' }, format: { type: 'string' } },
      ...{ batch: { type: 'string' }, clients: { type: 'string' }, partitions: { type: 'string' } },
    },
  });
  const mode = FLAGS.find((flag) => values[flag]) ?? (values.against === undefined ? 'ratios' : 'against');
  const payloadBytes = numbers('payload', values.payload);
  return {
    mode,
    only: words(values.only) ?? [],
    runs: numbers('runs', values.runs)?.[0] ?? (mode === 'figures' ? 3 : 5),
    seconds: numbers('seconds', values.seconds)?.[0] ?? 1.5,
    payloadBytes: payloadBytes?.[0] ?? 100,
    short: values.short === true,
    axes: definedAxes({
      operation: oneOf('operation', words(values.operation), Object.keys(OPERATIONS) as OperationName[]),
      format: oneOf('format', words(values.format), ['protobuf', 'json']),
      batch: numbers('batch', values.batch),
      clients: numbers('clients', values.clients),
      partitions: numbers('partitions', values.partitions),
      payloadBytes,
    }),
    checkout: values.server,
    against: values.against ?? '',
    maxConns: numbers('max-conns', values['max-conns'])?.[0] ?? 10,
    json: values.json,
  };
}

type Named<T> = { readonly [K in keyof T]: T[K] | undefined };

function definedAxes(axes: Named<Axes>): Partial<Axes> {
  return Object.fromEntries(Object.entries(axes).filter(([, values]) => values !== undefined));
}

function words(text: string | undefined): readonly string[] | undefined {
  return text?.split(',').filter((word) => word !== '');
}

function numbers(name: string, text: string | undefined): readonly number[] | undefined {
  const values = words(text)?.map(Number);
  if (values === undefined) return undefined;
  if (values.length > 0 && values.every((value) => value > 0 && Number.isFinite(value))) return values;
  throw new Error(`--${name} takes numbers above 0`);
}

function oneOf<T extends string>(
  name: string,
  given: readonly string[] | undefined,
  known: readonly T[],
): readonly T[] | undefined {
  const unknown = given?.find((word) => !known.includes(word as T));
  if (unknown !== undefined) throw new Error(`--${name} ${unknown}: expected ${known.join(', ')}`);
  return given as readonly T[] | undefined;
}
