/** A word, the wildcard, or any other single character. */
const TOKENS = /[\w$]+|\S/g;
/**
 * Matches any text within the place. In a replacement the n-th one is the text
 * that the n-th one has matched.
 */
const WILDCARD = '…';

/** A regular expression for the text that ignores white space, and commas before a closing bracket. */
export function patternOf(text: string): RegExp {
  const tokens = text.match(TOKENS) ?? [];
  const parts = tokens.map((token, index) => {
    if (token === WILDCARD) return '([\\s\\S]*?)';
    if (/\w/.test(token)) return `(?<![\\w$])${token.replaceAll('$', '\\$')}(?![\\w$])`;
    const mayFollowComma = index > 0 && tokens[index - 1] !== ',' && /[)\]}]/.test(token);
    return `${mayFollowComma ? ',?\\s*' : ''}\\${token}`;
  });
  return new RegExp(parts.join('\\s*'), 'g');
}

/** The replacement, its wildcards filled with what the pattern's wildcards have matched. */
export function fillWildcards(replacement: string, matched: readonly string[]): string {
  let index = 0;
  return replacement.replaceAll(WILDCARD, () => matched[index++] ?? '');
}
