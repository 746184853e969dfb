/** How urgent a state is. */
export type Tone = 'good' | 'quiet' | 'notice' | 'bad';

const MARKS: Readonly<Record<Tone, string>> = { good: '●', quiet: '○', notice: '◆', bad: '▲' };

/** A state as a word with a mark, so that it can be told without its color. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: string }) {
  return (
    <span class={`badge ${tone}`}>
      <span aria-hidden="true">{MARKS[tone]}</span> {children}
    </span>
  );
}
