/** Longer than any message of PostgreSQL itself that is worth reading. Characters. */
const LONGEST = 1_000;

/** Cuts a text from outside to a length that fits into an error or a line of the log. */
export function shortText(text: string, longest: number = LONGEST): string {
  if (text.length <= longest) return text;
  // Do not cut a surrogate pair in half.
  const cut = text.slice(0, longest).replace(/[\uD800-\uDBFF]$/, '');
  return `${cut}… (${text.length} characters)`;
}
