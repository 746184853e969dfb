import { visibleStretches } from '../text/visible.ts';

/** A text with more characters may be broken within its words. */
const LONG = 28;

/**
 * A text that somebody else wrote, such as a name or a reference. Hidden characters are shown by
 * their codes, and its direction of writing cannot reach its neighbours.
 *
 * @param props `lines`: keep line ends. `limit`: show that many characters at most.
 */
export function Plain({
  text,
  lines = false,
  limit = 2_000,
}: {
  readonly text: string;
  readonly lines?: boolean;
  readonly limit?: number;
}) {
  const shown = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return (
    <bdi class={`plain ${lines ? 'lines' : ''} ${text.length > LONG ? 'long' : ''}`}>
      {visibleStretches(shown, { lines }).map(({ text, code }, at) =>
        code === undefined ? (
          text
        ) : (
          <span key={at} class="hidden-character" title="a character that cannot be seen">
            {code}
          </span>
        ),
      )}
    </bdi>
  );
}
