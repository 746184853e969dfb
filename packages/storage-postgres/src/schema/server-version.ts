import { shortText } from '../errors/short-text.ts';

/** A server's own account of its version. */
export interface ServerVersion {
  /** `server_version_num`: the major version times 10,000, plus the minor one; before 10 two digits each. */
  readonly number: number;
  /** `server_version`, for people: `12.22 (Debian …)`. */
  readonly text: string;
}

/** The oldest major version that has all that the statements here use. */
const OLDEST_MAJOR = 12;

/** What is wrong with a server's version; undefined: nothing. */
export function serverVersionFault({ number, text }: ServerVersion): string | undefined {
  if (number >= OLDEST_MAJOR * 10_000) return undefined;
  return `the server is PostgreSQL ${shortText(text, 60)}; PostgreSQL ${OLDEST_MAJOR} or newer is needed`;
}
