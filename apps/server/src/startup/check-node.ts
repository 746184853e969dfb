/** The `engines` of this package; npm only warns of an older Node. */
export const OLDEST_NODE = 22;

/**
 * Refuses a Node that is too old. Without this the server would start there, and
 * fail at the first call that needs a newer function of the language.
 *
 * @throws Error with a text for people.
 */
export function checkNode(version: string): void {
  if (Number.parseInt(version, 10) >= OLDEST_NODE) return;
  throw new Error(`the server needs Node ${OLDEST_NODE} or newer; this is Node ${version}`);
}
