import { parseArgs } from 'node:util';

export const HELP = `Measures the server over HTTP beside what its database, its service and its HTTP library can do, in one run.

  pnpm bench [--only NAME,NAME…] [--runs N] [--seconds S] [--json FILE]

  --only NAME,NAME…  these rows of the table of ratios, or all whose name begins so (default: all)
  --list             names the rows
  --runs N           so many measurements of each side, by turns (default 5)
  --seconds S        length of each measurement (default 1.5)
  --payload BYTES    size of each payload (default 100)
  --server FOLDER    measure the built server of another checkout
  --max-conns N      connections of the server to the database (default 10)
  --json FILE        write the figures there too
`;

/** What the command line asks for. */
export interface Options {
  readonly help: boolean;
  readonly list: boolean;
  readonly only: readonly string[];
  readonly runs: number;
  readonly seconds: number;
  readonly payloadBytes: number;
  readonly checkout: string | undefined;
  readonly maxConns: number;
  readonly json: string | undefined;
}

/** Reads the command line. @throws Error naming what it does not know. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    // What pnpm and turbo pass on may begin with the mark that ends their own options.
    args: args.filter((argument) => argument !== '--'),
    options: {
      only: { type: 'string', default: '' },
      list: { type: 'boolean', default: false },
      runs: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '1.5' },
      payload: { type: 'string', default: '100' },
      server: { type: 'string' },
      'max-conns': { type: 'string', default: '10' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    help: values.help,
    list: values.list,
    only: values.only.split(',').filter((name) => name !== ''),
    runs: positive('runs', values.runs),
    seconds: positive('seconds', values.seconds),
    payloadBytes: positive('payload', values.payload),
    checkout: values.server,
    maxConns: positive('max-conns', values['max-conns']),
    json: values.json,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new Error(`--${name} must be a number above 0`);
  return value;
}
