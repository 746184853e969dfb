import pg from 'pg';

/** A setting of the server, by name. */
export interface ServerSetting {
  readonly name: string;
  readonly value: string;
}

/** For how long it is to hold. */
export type SettingScope = 'session' | 'transaction';

const NAME = /^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)*$/;

/**
 * Reads command-line options as the server does: words that a backslash may
 * join, and settings as `-c name=value`, `-cname=value` or `--name=value`.
 *
 * @throws Error when there is anything else, without quoting it.
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

/** The last one of several settings of a name, which counts. */
export function lastOfEach(settings: readonly ServerSetting[]): readonly ServerSetting[] {
  return [...new Map(settings.map((setting) => [setting.name.toLowerCase(), setting])).values()];
}

/** Settings as command-line options of a session. */
export function toOptions(settings: readonly ServerSetting[]): string {
  return settings.map(({ name, value }) => `-c ${name}=${value.replaceAll(/([\\\s])/g, '\\$1')}`).join(' ');
}

/**
 * A statement that makes settings and gives no row. One, whatever their
 * number: `concat` evaluates every argument, and is never null.
 *
 * @param prefix of the functions: with `pg_catalog.` no other schema can stand in for them.
 */
export function toStatement(settings: readonly ServerSetting[], scope: SettingScope, prefix = ''): string {
  const calls = settings.map(
    ({ name, value }) =>
      `${prefix}set_config('${name}', ${pg.escapeLiteral(value).trimStart()}, ${scope === 'transaction'})`,
  );
  return `SELECT 1 WHERE ${prefix}concat(${calls.join(', ')}) IS NULL`;
}

/** As {@link toStatement}, for a session whose search path may lead anywhere. */
export function toSafeStatement(settings: readonly ServerSetting[], scope: SettingScope): string {
  return toStatement(settings, scope, 'pg_catalog.');
}
