// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax that this file reads.
import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import process from 'node:process';
import type { ConfigFault, ConfigPath } from './config-error.ts';
import { fileFault } from './file-fault.ts';

/** Where the strings of a configuration file may get their values. */
export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths start here. */
  readonly folder: string;
}

/** The sources of this process. */
export function processSources(folder: string): SecretSources {
  return { env: process.env, folder };
}

/** The contents of a configuration file after its variables and files were put in. */
export interface Resolved {
  readonly value: unknown;
  /** A fault for each variable that is not set, and each file that cannot be read. */
  readonly faults: readonly ConfigFault[];
  /** The places that got their values from outside the file, with these values. No message may show them. */
  readonly secrets: readonly { readonly path: ConfigPath; readonly text: string }[];
}

/** The longest file that holds a secret, in bytes. A file such as /dev/zero never ends. */
const LONGEST_SECRET = 65_536;

/** Levels of nested lists and objects. YAML aliases can nest without end. */
const DEEPEST = 100;

const FILE = 'file:';

/** A shorter text may stand in a message by chance. */
const SHORT_TEXT = 6;

/**
 * Replaces `${NAME}` in all strings by the environment variable, and `file:PATH`
 * by the contents of the file without the newline at its end. What they contain
 * is not replaced again. `$${` stands for `${`, and `$file:` for `file:`.
 *
 * @param value as YAML gives it.
 */
export function resolveSecrets(value: unknown, sources: SecretSources): Resolved {
  const faults: ConfigFault[] = [];
  const secrets: { path: ConfigPath; text: string }[] = [];

  const resolveText = (text: string, path: ConfigPath): string => {
    const faultsBefore = faults.length;
    const fail = (message: string) => {
      faults.push({ path, message });
      return '';
    };
    const isFile = text.startsWith(FILE);
    const expanded = expand(text.startsWith(`$${FILE}`) ? text.slice(1) : text, sources.env, fail);
    if (faults.length > faultsBefore) return '';
    if (!isFile) {
      if (expanded.changed) secrets.push({ path, text: expanded.text });
      return expanded.text;
    }
    const contents = readSecret(resolve(sources.folder, expanded.text.slice(FILE.length)), fail);
    secrets.push({ path, text: contents });
    return contents;
  };

  const walk = (part: unknown, path: ConfigPath): unknown => {
    if (typeof part === 'string') return resolveText(part, path);
    if (typeof part !== 'object' || part === null || path.length > DEEPEST) return part;
    if (Array.isArray(part)) return part.map((each, i) => walk(each, [...path, i]));
    return Object.fromEntries(Object.entries(part).map(([key, each]) => [key, walk(each, [...path, key])]));
  };

  return { value: walk(value, []), faults, secrets };
}

/** Hides values from outside the file in the message of a fault, which may quote one or a part of it. */
export function withoutSecrets(fault: ConfigFault, secrets: Resolved['secrets']): ConfigFault {
  const isAbout = (path: ConfigPath) => path.every((part, n) => part === fault.path[n]);
  const hidden = secrets
    .filter(({ path, text }) => text.length >= SHORT_TEXT || (text !== '' && isAbout(path)))
    .reduce((message, { text }) => message.replaceAll(text, '…'), fault.message);
  if (!secrets.some(({ path }) => isAbout(path))) return { ...fault, message: hidden };
  const message = hidden.replace(/'[^']*'|"[^"]*"/g, "'…'");
  return { ...fault, message: `${message} (the value comes from outside the file, and is not shown)` };
}

function expand(
  text: string,
  env: SecretSources['env'],
  fail: (message: string) => string,
): { readonly text: string; readonly changed: boolean } {
  let changed = false;
  const result = text.replace(/\$\$\{|\$\{([^}]*)(\}?)/g, (_, name: string | undefined, end: string) => {
    if (name === undefined) return '${';
    if (end === '' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      return fail(
        "'${' must begin the name of an environment variable, as in ${NAME}; '$${' stands for '${'",
      );
    }
    changed = true;
    const value = env[name];
    return value === undefined ? fail(`the environment variable ${name} is not set`) : value;
  });
  return { text: result, changed };
}

function readSecret(file: string, fail: (message: string) => string): string {
  let bytes: Buffer;
  try {
    bytes = readBounded(file);
  } catch (error) {
    return fail(`cannot read the file ${file}: ${fileFault(error)}`);
  }
  if (bytes.length > LONGEST_SECRET) {
    return fail(`the file ${file} is longer than the ${LONGEST_SECRET} bytes of a value`);
  }
  if (!isUtf8(bytes)) return fail(`the file ${file} is not UTF-8`);
  return bytes.toString().replace(/\r?\n$/, '');
}

/** Reads one byte more than allowed at most. */
function readBounded(file: string): Buffer {
  const bytes = Buffer.alloc(LONGEST_SECRET + 1);
  const descriptor = openSync(file, 'r');
  try {
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = readSync(descriptor, bytes, length, bytes.length - length, null);
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}
