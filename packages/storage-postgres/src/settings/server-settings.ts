import pg from 'pg';

/** A setting of the server. */
export interface ServerSetting {
  readonly name: string;
  readonly value: string;
}

/** How long a setting stays in force. */
export type SettingScope = 'session' | 'transaction';

const NAME = /^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)*$/;

/**
 * Reads command-line options as the server does. A backslash escapes a character.
 * Settings are written as `-c name=value`, `-cname=value` or `--name=value`.
 *
 * @throws Error when there is anything else. It does not quote the text.
 */
export function settingsInOptions(options: string): readonly ServerSetting[] {
  const words = (options.match(/(?:\\.|[^\s\\])+/gs) ?? []).map((word) => word.replaceAll(/\\(.)/gs, '$1'));
  const settings: ServerSetting[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const text = word === '-c' ? (words[++i] ?? '') : word.replace(/^(?:-c|--)(?=.)/, '');
    const at = text.indexOf('=');
    const name = text.slice(0, Math.max(at, 0)).replaceAll('-', '_');
    if (!NAME.test(name)) {
      throw new Error('through a pooler options may hold nothing but settings, as -c name=value');
    }
    settings.push({ name, value: text.slice(at + 1) });
  }
  return settings;
}

/** If a setting occurs several times, keeps the last one, which is the one in force. */
export function lastOfEach(settings: readonly ServerSetting[]): readonly ServerSetting[] {
  return [...new Map(settings.map((setting) => [setting.name.toLowerCase(), setting])).values()];
}

/** Settings as command-line options of a session. */
export function toOptions(settings: readonly ServerSetting[]): string {
  return settings.map(({ name, value }) => `-c ${name}=${value.replaceAll(/([\\\s])/g, '\\$1')}`).join(' ');
}

/**
 * A single statement that sets all settings and returns no row: `concat` evaluates
 * every argument, and is never null.
 *
 * @param prefix for the functions. With `pg_catalog.` no other schema can replace
 *   them.
 */
export function toStatement(settings: readonly ServerSetting[], scope: SettingScope, prefix = ''): string {
  const calls = settings.map(
    ({ name, value }) =>
      `${prefix}set_config('${name}', ${pg.escapeLiteral(value).trimStart()}, ${scope === 'transaction'})`,
  );
  return `SELECT 1 WHERE ${prefix}concat(${calls.join(', ')}) IS NULL`;
}

/** As {@link toStatement}, for a session with any search path. */
export function toSafeStatement(settings: readonly ServerSetting[], scope: SettingScope): string {
  return toStatement(settings, scope, 'pg_catalog.');
}
