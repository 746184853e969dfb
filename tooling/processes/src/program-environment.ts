import process from 'node:process';

/** The variables that a program needs, and that do not change what it does. */
const KEPT = ['PATH', 'NODE_COMPILE_CACHE'];

/**
 * The environment of a program of ours that a test starts, without the variables of the test run.
 * NODE_COMPILE_CACHE halves the time until a server from sources answers.
 */
export function programEnvironment(): Record<string, string> {
  return Object.fromEntries(
    KEPT.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
