/** A stretch of a text: as it is, or one character that would not be seen, or would disturb its neighbours. */
export interface Stretch {
  readonly text: string;
  /** The code of the character, such as `U+202E`. Absent: the text is shown as it is. */
  readonly code?: string;
}

/**
 * Characters that people cannot see, and that change how others are shown: controls, marks of
 * direction, joiners, fillers, byte order marks, tags and lone surrogates.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029\u115f\u1160\u3164\uffa0\u{e0000}-\u{e0fff}]/gu;

/**
 * Cuts a text so that each hidden character can be shown by its code. A name that looks like
 * another one is then seen to differ.
 *
 * @param options `lines`: line ends and tabs stay as they are.
 */
export function visibleStretches(
  text: string,
  { lines = false }: { readonly lines?: boolean } = {},
): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    const [character] = match;
    if (lines && (character === '\n' || character === '\t' || character === '\r')) continue;
    if (match.index > from) stretches.push({ text: text.slice(from, match.index) });
    stretches.push({ text: character, code: codeOf(character) });
    from = match.index + character.length;
  }
  if (from < text.length) stretches.push({ text: text.slice(from) });
  return stretches;
}

function codeOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
