/**
 * Characters that a terminal or a viewer obeys, or does not show: controls of C0
 * and C1, marks that turn the direction of text, zero-width and other invisible
 * characters, separators of lines, halves of surrogate pairs.
 */
const INVISIBLE = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** Most texts have only these characters, which need no closer look. */
const PLAIN = /^[\n\t\x20-\x7e]*$/;

/**
 * Writes invisible characters as JSON escapes, such as `\u202e`: names and texts
 * from clients could make a terminal or a log show something else. Keeps line
 * feeds and tabs. JSON text keeps its meaning.
 */
export function visibleText(text: string): string {
  return PLAIN.test(text) ? text : text.replace(INVISIBLE, escapesOf);
}

/** As {@link visibleText}, for a text that has to stay in its line. */
export function visibleLine(text: string): string {
  return visibleText(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

function escapesOf(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
