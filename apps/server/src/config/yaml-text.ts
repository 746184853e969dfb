import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import type { core } from 'zod';
import { ConfigError, type ConfigFault, type ConfigPath, formatPath } from './config-error.ts';

/** A YAML file that people write. Errors name the key and its line. */
export class YamlText {
  /** The text as it was parsed, with its comments. */
  readonly document: Document;
  readonly #lines = new LineCounter();
  readonly #name: string;

  /**
   * @param name what errors call it, such as `config file`.
   * @throws ConfigError if the text is no YAML, or empty.
   */
  constructor(text: string, name: string) {
    this.#name = name;
    this.document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    if (this.document.errors.length > 0) {
      const faults = this.document.errors.map(
        ({ message, pos }) => `line ${this.#lines.linePos(pos[0]).line}: ${message}`,
      );
      throw new ConfigError(`while reading ${name}: ${faults.join('; ')}`);
    }
    if (this.document.contents === null) throw new ConfigError(`while reading ${name}: EOF`);
  }

  /**
   * The values of the text.
   *
   * @throws ConfigError for an alias without its anchor, and for aliases that would make a huge document.
   */
  values(): unknown {
    try {
      return this.document.toJS();
    } catch (error) {
      throw new ConfigError(`while reading ${this.#name}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** The error that lists faults, each with its line. */
  error(faults: readonly ConfigFault[]): ConfigError {
    return new ConfigError(
      `while applying ${this.#name}: ${faults.map((f) => this.describe(f)).join('\n  ')}`,
    );
  }

  /** A fault in words, with its line and key. */
  describe({ path, message }: ConfigFault): string {
    const line = this.#lineOf(path);
    return `${line === undefined ? '' : `line ${line}: `}${formatPath(path) || 'file'}: ${message}`;
  }

  /** The line of a key. For a missing key, the line of the object that lacks it. */
  #lineOf(path: ConfigPath): number | undefined {
    const document = this.document;
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

/** The faults of a value that breaks its schema. */
export function faultsOf(issue: core.$ZodIssue): ConfigFault[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: 'unknown key' }));
  }
  // Zod's text for a wrong type is kept, without its first words.
  const message = issue.message.replace(/^Invalid input: /, '');
  return [{ path, message: message === 'expected string, received undefined' ? 'is required' : message }];
}
