/** A word, the wildcard, or any other single character. */
const TOKENS = /[\w$]+|\S/g;
/** Stands for any text within the place; the n-th one of a replacement is the text of the n-th one found. */
const WILDCARD = '…';

/**
 * The pattern's text as an expression that ignores how the source is laid out:
 * white space, and commas before a closing bracket.
 */
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
