/** The `engines` of this package. npm only warns about an older Node. */
export const OLDEST_NODE = 22;

/**
 * Refuses a Node that is too old. Such a Node starts the server, and fails at
 * the first call of a language function that it does not have.
 *
 * @throws Error with a text for people.
 */
export function checkNode(version: string): void {
  if (Number.parseInt(version, 10) >= OLDEST_NODE) return;
  throw new Error(`the server needs Node ${OLDEST_NODE} or newer; this is Node ${version}`);
}
