import { resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { StepFailed } from './step.mjs';

export const startHelp = `Runs the Querator server.

  npm start                       on SQLite, data in .querator/sqlite
  npm start -- --postgres         on an embedded PostgreSQL, data in .querator/postgres
  npm start -- --memory           everything in memory, gone at exit
  npm start -- --config FILE      with a config file (see example.yaml)

Options:
  --address HOST:PORT   where to listen (default localhost:2319, or QUERATOR_ADDRESS)
  --config FILE         YAML config file (or QUERATOR_CONFIG)
  --memory              keep queues and items in memory
  --postgres            keep them in a PostgreSQL that npm start installs and runs
  --help                print this and end
`;

function parse(args) {
  try {
    return parseArgs({
      args,
      options: {
        address: { type: 'string' },
        config: { type: 'string' },
        memory: { type: 'boolean', default: false },
        postgres: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new StepFailed(`${error.message.split('. To specify')[0]}\nSee: npm start -- --help`);
  }
}

/**
 * Reads the options of `npm start`. Flags override the environment. A missing
 * address stays unset, so that the address of a config file applies.
 */
export function parseStartArguments(args, env) {
  const values = parse(args);
  const chosen = Object.entries({ memory: values.memory, postgres: values.postgres, config: values.config })
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([name]) => `--${name}`);
  if (chosen.length > 1) {
    throw new StepFailed(`${chosen.join(' and ')} exclude each other.\nSee: npm start -- --help`);
  }
  const config = values.config ?? (chosen.length > 0 ? undefined : env.QUERATOR_CONFIG || undefined);
  const address = values.address ?? (env.QUERATOR_ADDRESS || undefined);
  return {
    help: values.help,
    memory: values.memory,
    postgres: values.postgres,
    ...(address === undefined ? {} : { address }),
    // npm runs its scripts in the root folder; the user may be in another one.
    ...(config === undefined ? {} : { config: resolve(env.INIT_CWD ?? process.cwd(), config) }),
  };
}
