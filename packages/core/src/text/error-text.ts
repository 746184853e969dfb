/** The most characters of a caller's value that an error text repeats. */
export const ECHO_LENGTH = 100;

/**
 * Shortens a value for an error text: more than 100 characters become the first
 * 99 and an ellipsis. Counts code points, so that no surrogate pair is split.
 */
export function echo(value: string): string {
  if (value.length <= ECHO_LENGTH) return value;
  // A character takes at most two units, so the rest of a longer value cannot matter.
  const characters = [...value.slice(0, 2 * ECHO_LENGTH + 2)];
  if (characters.length <= ECHO_LENGTH) return value;
  return `${characters.slice(0, ECHO_LENGTH - 1).join('')}…`;
}

/** A text of our own that an error text contains as it is; see {@link verbatim}. */
export class Verbatim {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Marks a part of an error text that {@link errorText} made itself, so that it is not shortened again. */
export function verbatim(text: string): Verbatim {
  return new Verbatim(text);
}

/** A value in an error text. */
export type ErrorTextValue = string | number | bigint | Verbatim;

/**
 * Puts an error text together, as a template tag. Every string value is a
 * caller's until marked otherwise, and goes through {@link echo}: a caller cannot
 * make a reply or a log line of any length.
 */
export function errorText(words: TemplateStringsArray, ...values: readonly ErrorTextValue[]): string {
  return words.reduce((text, part, index) => `${text}${shown(values[index - 1])}${part}`);
}

function shown(value: ErrorTextValue | undefined): string {
  if (typeof value === 'string') return echo(value);
  return value instanceof Verbatim ? value.text : String(value);
}
