import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../config/config-error.ts';
import { fileFault } from '../config/file-fault.ts';
import { faultsOf, YamlText } from '../config/yaml-text.ts';

const text = z.string().min(1, 'cannot be empty');
const profileSchema = z.strictObject({
  endpoint: text.optional(),
  'api-key': text.optional(),
  'api-key-file': text.optional(),
  'ca-file': text.optional(),
  'cert-file': text.optional(),
  'key-file': text.optional(),
});
const fileSchema = z.strictObject({
  default: text.optional(),
  profiles: z.record(text, profileSchema).default({}),
});

/** How to reach a server. */
export type Profile = z.infer<typeof profileSchema>;

/** The profiles of a user. */
export interface Profiles {
  /** The name of the one that is used if none is chosen. Undefined: none is. */
  readonly default?: string | undefined;
  readonly profiles: Readonly<Record<string, Profile>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The file of the profiles. Undefined: the environment has no home. */
export function profilesFile(env: Environment): string | undefined {
  const { QUERATOR_CONFIG_HOME: own, XDG_CONFIG_HOME: shared, HOME: home } = env;
  if (own) return join(own, 'profiles.yaml');
  if (shared) return join(shared, 'querator', 'profiles.yaml');
  return home ? join(home, '.config', 'querator', 'profiles.yaml') : undefined;
}

/**
 * Reads the profiles. Without a file there are none.
 *
 * @throws ConfigError if the file cannot be read, is wrong, or has an API key that others can read.
 */
export function readProfiles(file: string | undefined): Profiles {
  const yaml = file === undefined ? undefined : openProfiles(file);
  return yaml === undefined || file === undefined ? { profiles: {} } : checked(yaml, file);
}

/**
 * Makes a profile the default. Keeps the rest of the file, comments too.
 *
 * @throws ConfigError as {@link readProfiles} does, and if there is no such profile.
 */
export function useProfile(file: string, name: string): void {
  const yaml = openProfiles(file);
  if (yaml === undefined) throw noSuchProfile(name, file);
  profileOf(checked(yaml, file), name, file);
  yaml.document.set('default', name);
  const { mode } = statSync(file);
  const next = `${file}.next`;
  // One that was left by a command that died.
  rmSync(next, { force: true });
  writeFileSync(next, yaml.document.toString(), { mode: mode & 0o777, flag: 'wx' });
  renameSync(next, file);
}

/** @throws ConfigError if there is no such profile. */
export function profileOf({ profiles }: Profiles, name: string, file: string | undefined): Profile {
  const found = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (found === undefined) throw noSuchProfile(name, file);
  return found;
}

function noSuchProfile(name: string, file: string | undefined): ConfigError {
  return new ConfigError(`no such profile: '${name}' is not in ${file ?? 'any file: HOME is not set'}`);
}

function openProfiles(file: string): YamlText | undefined {
  let contents: string;
  try {
    contents = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ConfigError(`while opening profiles: open ${file}: ${fileFault(error)}`, { cause: error });
  }
  return new YamlText(contents, `profiles ${file}`);
}

function checked(yaml: YamlText, file: string): Profiles {
  const parsed = fileSchema.safeParse(yaml.values());
  if (!parsed.success) throw yaml.error(parsed.error.issues.flatMap(faultsOf));
  const faults = Object.entries(parsed.data.profiles).flatMap(([name, profile]) => {
    const fault = faultOf(profile);
    return fault === undefined ? [] : [{ path: ['profiles', name], message: fault }];
  });
  const { default: chosen, profiles } = parsed.data;
  if (chosen !== undefined && !Object.hasOwn(profiles, chosen)) {
    faults.push({ path: ['default'], message: 'expected the name of a profile' });
  }
  if (faults.length > 0) throw yaml.error(faults);
  const hasKey = Object.values(profiles).some((profile) => profile['api-key'] !== undefined);
  if (hasKey) checkMode(file);
  return { default: chosen, profiles: mapProfiles(profiles, (path) => resolve(dirname(file), path)) };
}

/** Relative paths start at the folder of the file. */
function mapProfiles(
  profiles: Profiles['profiles'],
  absolute: (path: string) => string,
): Profiles['profiles'] {
  const entries = Object.entries(profiles).map(([name, profile]) => [
    name,
    Object.fromEntries(
      Object.entries(profile).map(([key, value]) => [
        key,
        key.endsWith('-file') && value ? absolute(value) : value,
      ]),
    ),
  ]);
  return Object.fromEntries(entries);
}

function faultOf(profile: Profile): string | undefined {
  if (profile['api-key'] !== undefined && profile['api-key-file'] !== undefined) {
    return 'expected api-key or api-key-file, not both';
  }
  if ((profile['cert-file'] === undefined) !== (profile['key-file'] === undefined)) {
    return 'cert-file and key-file go together';
  }
  return undefined;
}

/** As ssh does with its keys, refuses a file with a key that others can read. Windows has no such modes. */
function checkMode(file: string): void {
  if (process.platform === 'win32') return;
  const { mode } = statSync(file);
  if ((mode & 0o077) === 0) return;
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  throw new ConfigError(
    `the profiles ${file} have an API key, and others may read them (mode ${shown}); run: chmod 600 ${file}`,
  );
}
