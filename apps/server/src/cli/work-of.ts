import type { Work } from '@querator/migration';
import type { Cli } from './cli.ts';

/** What the command line gives to long work on servers. */
export function workOf(cli: Cli): Work {
  return { random: cli.random, sleep: cli.io.sleep, signal: cli.interrupted() };
}
