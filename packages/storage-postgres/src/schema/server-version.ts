import { shortText } from '../errors/short-text.ts';

/** The version that a server reports. */
export interface ServerVersion {
  /**
   * `server_version_num`: the major version times 10,000, plus the minor one. Two
   * digits each before version 10.
   */
  readonly number: number;
  /** `server_version`, for people: `12.22 (Debian …)`. */
  readonly text: string;
}

/** The oldest major version that supports all our statements. */
const OLDEST_MAJOR = 12;

/** Why a server's version cannot be used. Undefined if it can. */
export function serverVersionFault({ number, text }: ServerVersion): string | undefined {
  if (number >= OLDEST_MAJOR * 10_000) return undefined;
  return `the server is PostgreSQL ${shortText(text, 60)}; PostgreSQL ${OLDEST_MAJOR} or newer is needed`;
}
