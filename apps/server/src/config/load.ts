import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import type { core } from 'zod';
import { checkRules } from './check-rules.ts';
import { ConfigError, type ConfigFault, type ConfigPath, formatPath } from './config-error.ts';
import { fileFault } from './file-fault.ts';
import { resolveQueueStorage } from './queue-storage.ts';
import { type Config, configSchema } from './schema.ts';
import { processSources, resolveSecrets, type SecretSources, withoutSecrets } from './secrets.ts';
import { withAbsolutePaths } from './tls-rules.ts';

/** The settings of a server without a configuration file: everything in memory. */
export function defaultConfig(): Config {
  return resolveQueueStorage(configSchema.parse({}));
}

/**
 * Reads a configuration file, with the environment variables and files that it
 * refers to. Relative paths in it start at its folder.
 *
 * @throws ConfigError if the file cannot be read, is no YAML, or breaks a
 *   rule. The message lists all faults, each with its line.
 */
export async function loadConfig(file: string): Promise<Config> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new ConfigError(`while opening config file: open ${file}: ${fileFault(error)}`, { cause: error });
  }
  if (!isUtf8(bytes)) throw new ConfigError(`while reading config file: ${file} is not UTF-8`);
  return parseConfig(new TextDecoder().decode(bytes), processSources(dirname(file)));
}

/**
 * Reads the text of a configuration file.
 *
 * @param sources of its `${NAME}` and `file:PATH`. Undefined: those of this
 *   process, with relative paths from its working directory.
 * @throws ConfigError see {@link loadConfig}.
 */
export function parseConfig(text: string, sources: SecretSources = processSources('')): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const faults = document.errors.map(
      ({ message, pos }) => `line ${lines.linePos(pos[0]).line}: ${message}`,
    );
    throw new ConfigError(`while reading config file: ${faults.join('; ')}`);
  }
  if (document.contents === null) throw new ConfigError('while reading config file: EOF');

  const { value, faults: unresolved, secrets } = resolveSecrets(valuesOf(document), sources);
  if (unresolved.length > 0) throw faulty(unresolved, document, lines);
  const parsed = configSchema.safeParse(value);
  const config = parsed.success ? withAbsolutePaths(parsed.data, sources.folder) : undefined;
  const faults = config === undefined ? (parsed.error?.issues ?? []).flatMap(describe) : checkRules(config);
  if (config === undefined || faults.length > 0) {
    throw faulty(
      faults.map((fault) => withoutSecrets(fault, secrets)),
      document,
      lines,
    );
  }
  return resolveQueueStorage(config);
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

function faulty(faults: readonly ConfigFault[], document: Document, lines: LineCounter): ConfigError {
  const texts = faults.map(({ path, message }) => {
    const line = lineOf(document, path, lines);
    return `${line === undefined ? '' : `line ${line}: `}${formatPath(path) || 'file'}: ${message}`;
  });
  return new ConfigError(`while applying config file: ${texts.join('\n  ')}`);
}

/** The line of a key. For a missing key, the line of the object that lacks it. */
function lineOf(document: Document, path: ConfigPath, lines: LineCounter): number | undefined {
  for (let depth = path.length; depth > 0; depth--) {
    const key = path[depth - 1];
    const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    const pair = isMap(parent)
      ? parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key)
      : undefined;
    const node = pair === undefined ? document.getIn(path.slice(0, depth), true) : pair.key;
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}
