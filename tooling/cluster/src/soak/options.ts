import { parseArgs } from 'node:util';

/** What a soak does. */
export interface SoakOptions {
  readonly seconds: number;
  /** How long before the figures count: the tables grow to the size that the steady state needs. */
  readonly warmUpSeconds: number;
  /** Items produced a second. */
  readonly rate: number;
  /** Items that wait all the time. */
  readonly backlog: number;
  /** One item in so many has a payload that goes to the TOAST table. */
  readonly largeEvery: number;
  /** `autovacuum_naptime` of the server. */
  readonly naptimeSeconds: number;
  /** Without the tables' storage parameters, to see what they are good for. */
  readonly plain: boolean;
}

/** A minute is the server's default nap: the long form shows what operators get, the short one hurries. */
const LONG: SoakOptions = {
  ...{ seconds: 600, warmUpSeconds: 240, rate: 2_000, backlog: 20_000, largeEvery: 20 },
  ...{ naptimeSeconds: 60, plain: false },
};
const SHORT: SoakOptions = {
  ...LONG,
  seconds: 24,
  warmUpSeconds: 10,
  rate: 1_000,
  backlog: 2_000,
  naptimeSeconds: 1,
};

/** Reads the options of a command line. */
export function soakOptions(args: readonly string[]): SoakOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      short: { type: 'boolean', default: false },
      minutes: { type: 'string' },
      'warm-up': { type: 'string' },
      rate: { type: 'string' },
      backlog: { type: 'string' },
      naptime: { type: 'string' },
      plain: { type: 'boolean', default: false },
    },
  });
  const base = values.short ? SHORT : LONG;
  const seconds = values.minutes === undefined ? base.seconds : Number(values.minutes) * 60;
  const number = (value: string | undefined, otherwise: number) =>
    value === undefined ? otherwise : Number(value);
  return {
    seconds,
    warmUpSeconds: number(values['warm-up'], Math.min(base.warmUpSeconds, Math.round(seconds * 0.4))),
    rate: number(values.rate, base.rate),
    backlog: number(values.backlog, base.backlog),
    largeEvery: base.largeEvery,
    naptimeSeconds: number(values.naptime, base.naptimeSeconds),
    plain: values.plain,
  };
}
