/** A connection that needs a password. */
export interface PasswordTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** Folders of Unix sockets that libpq is built with. A password file has `localhost` for them. */
const DEFAULT_SOCKET_FOLDERS: ReadonlySet<string> = new Set(['/tmp', '/var/run/postgresql']);

/**
 * Finds the password in the text of a password file, as libpq does. A line reads
 * `host:port:database:user:password`. The first that matches counts.
 *
 * @returns undefined if no line matches.
 */
export function passwordIn(text: string, { host, port, database, user }: PasswordTarget): string | undefined {
  const wanted = [DEFAULT_SOCKET_FOLDERS.has(host) ? 'localhost' : host, String(port), database, user];
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) continue;
    const fields = fieldsOf(line.replace(/\r$/, ''));
    const password = fields[wanted.length];
    if (password === undefined) continue;
    if (wanted.every((value, n) => fields[n]?.raw === '*' || fields[n]?.text === value)) return password.text;
  }
  return undefined;
}

interface Field {
  /** As it stands in the file. */
  readonly raw: string;
  /** Without the backslashes before colons and backslashes. */
  readonly text: string;
}

/** Splits a line at the colons without a backslash before them. */
function fieldsOf(line: string): readonly Field[] {
  const raw = line.match(/(?:\\.|[^\\:]|\\$)+|:/g) ?? [];
  const fields: Field[] = [];
  let isEmpty = true;
  for (const part of raw) {
    if (part !== ':') fields.push({ raw: part, text: part.replace(/\\(.)/g, '$1') });
    else if (isEmpty) fields.push({ raw: '', text: '' });
    isEmpty = part === ':';
  }
  return fields;
}
