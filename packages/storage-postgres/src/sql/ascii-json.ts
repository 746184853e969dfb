/** A value as JSON in ASCII: a database of any encoding holds it, U+0000 and half a surrogate pair included. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, escapeOf);
}

/** A text in ASCII. Most names stay as they are. */
export function asciiText(text: string): string {
  return asciiJson(text).slice(1, -1);
}

/** A text in ASCII, cut to a number of characters, for people to read. */
export function shortAsciiText(text: string, most: number): string {
  const whole = asciiText(text);
  // No escape is cut in two.
  return whole.length <= most ? whole : whole.slice(0, most).replace(/\\(u[0-9a-f]{0,3})?$/, '');
}

/** The text of which {@link asciiText} made this one. */
export function fromAsciiText(text: string): string {
  return JSON.parse(`"${text}"`) as string;
}

function escapeOf(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
