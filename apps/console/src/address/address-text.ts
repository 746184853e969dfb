/** What the address of the page says: which screen, of what, and how it is set. */
export interface Address {
  /** The parts of the path, decoded: `['queues', 'orders']`. */
  readonly path: readonly string[];
  /** Filter, sort, page and tab of the screen. */
  readonly params: Readonly<Record<string, string>>;
}

/** Reads the fragment of an address, such as `#/queues/orders?tab=settings`. Never throws. */
export function parseAddress(hash: string): Address {
  const [path = '', query = ''] = splitOnce(hash.replace(/^#/, ''), '?');
  const parts = path.split('/').filter((part) => part !== '');
  return { path: parts.map(decodePart), params: Object.fromEntries(new URLSearchParams(query)) };
}

/**
 * The opposite of `parseAddress`.
 *
 * @param params those that are undefined or empty are left out, and the rest are in order of their names:
 *   the same state has one address.
 */
export function formatAddress(
  path: readonly string[],
  params: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(params).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const query = new URLSearchParams(given.sort(([a], [b]) => (a < b ? -1 : 1))).toString();
  return `#/${path.map(encodePart).join('/')}${query === '' ? '' : `?${query}`}`;
}

/** A text may begin with a lone surrogate, which `encodeURIComponent` refuses. */
function encodePart(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** An address may be typed by hand: what is not encoded is taken as it is. */
function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
