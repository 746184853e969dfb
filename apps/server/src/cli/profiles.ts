import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isMap, isScalar } from 'yaml';
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
  replace(file, yaml, statSync(file).mode & 0o777);
}

/**
 * Adds a profile. Keeps the rest of the file, and makes it if there is none. Nobody else may read it.
 *
 * @throws ConfigError as {@link readProfiles} does, and if there is a profile of that name, or the new one is wrong.
 */
export function addProfile(file: string, name: string, profile: Profile): void {
  const yaml = openProfiles(file);
  const { profiles } = yaml === undefined ? { profiles: {} } : checked(yaml, file);
  if (Object.hasOwn(profiles, name))
    throw new ConfigError(`there is a profile '${name}' already; remove it first`);
  const fault = faultOf(profile);
  if (fault !== undefined) throw new ConfigError(fault);
  const changed = yaml ?? new YamlText('profiles: {}', `profiles ${file}`);
  const { document } = changed;
  if (Object.keys(profiles).length > 0) document.setIn(['profiles', name], document.createNode(profile));
  else document.set('profiles', document.createNode({ [name]: profile }));
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  replace(file, changed, 0o600);
}

/**
 * Removes a profile. If it is the default, there is none afterwards.
 *
 * @throws ConfigError as {@link readProfiles} does, and if there is no such profile.
 */
export function removeProfile(file: string, name: string): void {
  const yaml = openProfiles(file);
  if (yaml === undefined) throw noSuchProfile(name, file);
  const profiles = checked(yaml, file);
  profileOf(profiles, name, file);
  yaml.document.deleteIn(['profiles', name]);
  if (profiles.default === name) deleteKey(yaml, 'default');
  replace(file, yaml, statSync(file).mode & 0o777);
}

/** Deletes a key at the top of the file. The comment above it may be that of the file, and stays. */
function deleteKey({ document: { contents } }: YamlText, key: string): void {
  if (!isMap(contents)) return;
  const found = contents.items.find((pair) => isScalar(pair.key) && pair.key.value === key)?.key;
  const comment = isScalar(found) ? found.commentBefore : undefined;
  contents.delete(key);
  const next = contents.items[0]?.key;
  if (comment && isScalar(next))
    next.commentBefore = [comment, next.commentBefore].filter(Boolean).join('\n');
}

function replace(file: string, yaml: YamlText, mode: number): void {
  const next = `${file}.next`;
  // One that was left by a command that died.
  rmSync(next, { force: true });
  writeFileSync(next, yaml.document.toString(), { mode, flag: 'wx' });
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
