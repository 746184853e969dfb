import { parseArgs } from 'node:util';

/** The options of a soak. */
export interface SoakOptions {
  readonly seconds: number;
  /** The time before the figures count, in which the tables grow to the size of the steady state. */
  readonly warmUpSeconds: number;
  /** Items produced per second. */
  readonly rate: number;
  /** The constant number of waiting items. */
  readonly backlog: number;
  /** One item in `largeEvery` has a payload for the TOAST table. */
  readonly largeEvery: number;
  /** `autovacuum_naptime` of the server. */
  readonly naptimeSeconds: number;
  /** Leaves out the tables' storage parameters, to measure their effect. */
  readonly plain: boolean;
}

/**
 * The long form uses the server's default of a minute, and shows what operators
 * get. The short form saves time.
 */
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
