import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import type { core } from 'zod';
import { OWN_DRIVERS } from '../backends.ts';
import { loadDrivers } from '../drivers/load-drivers.ts';
import type { LoadedDrivers } from '../drivers/loaded-drivers.ts';
import { checkRules } from './check-rules.ts';
import { ConfigError, type ConfigFault, type ConfigPath, formatPath } from './config-error.ts';
import { resolveQueueStorage } from './queue-storage.ts';
import { type Config, configSchema } from './schema.ts';
import { type Resolved, resolveSecrets, type SecretSources, withoutSecrets } from './secrets.ts';
import { withAbsolutePaths } from './tls-rules.ts';

/** The text of a configuration file, before it is checked. */
export class ConfigText {
  /** Its contents, with the variables and files that it refers to. */
  readonly values: unknown;
  /** A fault for each variable that is not set, and each file that cannot be read. */
  readonly unresolved: readonly ConfigFault[];
  readonly #document: Document;
  readonly #lines = new LineCounter();
  readonly #secrets: Resolved['secrets'];
  readonly #folder: string;

  /** @throws ConfigError if the text is no YAML, or empty. */
  constructor(text: string, sources: SecretSources) {
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    if (this.#document.errors.length > 0) {
      const faults = this.#document.errors.map(
        ({ message, pos }) => `line ${this.#lines.linePos(pos[0]).line}: ${message}`,
      );
      throw new ConfigError(`while reading config file: ${faults.join('; ')}`);
    }
    if (this.#document.contents === null) throw new ConfigError('while reading config file: EOF');
    const resolved = resolveSecrets(valuesOf(this.#document), sources);
    this.values = resolved.value;
    this.unresolved = resolved.faults;
    this.#secrets = resolved.secrets;
    this.#folder = sources.folder;
  }

  /**
   * Checks values: those of the text, or some of them replaced.
   *
   * @param readFiles false: the files of certificates are not looked at.
   * @param loaded the drivers of others.
   */
  check(
    values: unknown,
    readFiles: boolean,
    loaded: LoadedDrivers,
  ): { readonly config: Config } | { readonly faults: readonly ConfigFault[] } {
    const parsed = configSchema.safeParse(values);
    if (!parsed.success) return { faults: this.#withoutSecrets(parsed.error.issues.flatMap(describe)) };
    const config = withAbsolutePaths(parsed.data, this.#folder);
    const faults = checkRules(config, readFiles, loaded);
    return faults.length > 0
      ? { faults: this.#withoutSecrets(faults) }
      : { config: resolveQueueStorage(config, loaded) };
  }

  /**
   * Loads the drivers of others that values name. Loads nothing for values that break the
   * schema: they are refused whatever the drivers are.
   *
   * @param known drivers that need not be loaded.
   */
  async loadDrivers(values: unknown, known: LoadedDrivers['drivers']): Promise<LoadedDrivers> {
    const parsed = this.unresolved.length > 0 ? undefined : configSchema.safeParse(values);
    if (parsed?.success !== true) return { drivers: known, faults: new Map() };
    const { 'queue-storage': queues, 'partition-storage': storages } = parsed.data;
    const names = [...(queues === undefined ? [] : [queues]), ...storages].map(({ driver }) => driver);
    const others = names.filter((name) => !OWN_DRIVERS.has(name));
    return loadDrivers(others, { folder: this.#folder, known });
  }

  /** The error that lists faults, each with its line. */
  error(faults: readonly ConfigFault[]): ConfigError {
    return new ConfigError(`while applying config file: ${faults.map((f) => this.describe(f)).join('\n  ')}`);
  }

  /** A fault in words, with its line and key. */
  describe({ path, message }: ConfigFault): string {
    const line = this.#lineOf(path);
    return `${line === undefined ? '' : `line ${line}: `}${formatPath(path) || 'file'}: ${message}`;
  }

  #withoutSecrets(faults: readonly ConfigFault[]): readonly ConfigFault[] {
    return faults.map((fault) => withoutSecrets(fault, this.#secrets));
  }

  /** The line of a key. For a missing key, the line of the object that lacks it. */
  #lineOf(path: ConfigPath): number | undefined {
    const document = this.#document;
    for (let depth = path.length; depth > 0; depth--) {
      const key = path[depth - 1];
      const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
      const pair = isMap(parent)
        ? parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key)
        : undefined;
      const node = pair === undefined ? document.getIn(path.slice(0, depth), true) : pair.key;
      if (isNode(node) && node.range) return this.#lines.linePos(node.range[0]).line;
    }
    return undefined;
  }
}

/** @throws ConfigError for an alias without its anchor, and for aliases that would make a huge document. */
function valuesOf(document: Document): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new ConfigError(`while reading config file: ${(error as Error).message}`, { cause: error });
  }
}

function describe(issue: core.$ZodIssue): ConfigFault[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: 'unknown key' }));
  }
  // Zod's text for a wrong type is kept, without its first words.
  const message = issue.message.replace(/^Invalid input: /, '');
  return [{ path, message: message === 'expected string, received undefined' ? 'is required' : message }];
}
