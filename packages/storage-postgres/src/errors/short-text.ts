/** Longer than any message of PostgreSQL's own that is worth reading. */
const LONGEST = 1_000;

/** A text that came from outside, cut to what an error or a line of the log may hold. */
export function shortText(text: string, longest: number = LONGEST): string {
  if (text.length <= longest) return text;
  // Never half of a character.
  const cut = text.slice(0, longest).replace(/[\uD800-\uDBFF]$/, '');
  return `${cut}… (${text.length} characters)`;
}
