import { resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { StepFailed } from './step.mjs';

export const startHelp = `Runs the Querator server.

  npm start                       on its embedded PostgreSQL, data in .querator/postgres
  npm start -- --memory           everything in memory, gone at exit
  npm start -- --config FILE      with a config file (see example.yaml), without the embedded database

Options:
  --address HOST:PORT   where to listen (default localhost:2319, or QUERATOR_ADDRESS)
  --config FILE         YAML config file (or QUERATOR_CONFIG)
  --memory              keep queues and items in memory
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
  if (values.memory && values.config !== undefined) {
    throw new StepFailed('--memory and --config exclude each other.\nSee: npm start -- --help');
  }
  const config = values.config ?? (values.memory ? undefined : env.QUERATOR_CONFIG || undefined);
  const address = values.address ?? (env.QUERATOR_ADDRESS || undefined);
  return {
    help: values.help,
    memory: values.memory,
    ...(address === undefined ? {} : { address }),
    // npm runs its scripts in the root folder; the user may be in another one.
    ...(config === undefined ? {} : { config: resolve(env.INIT_CWD ?? process.cwd(), config) }),
  };
}
