/** A command of a page with the reply that the page shows. */
export interface Example {
  readonly command: string;
  /** Undefined: the page shows none. */
  readonly reply: { readonly language: string; readonly text: string } | undefined;
  /** Line of the page, from 1. */
  readonly line: number;
}

const FENCE = /^```(\w+)\n([\s\S]*?)^```$/gm;

/** The curl commands of a page, in order. The next block shows the reply if it is JSON or text. */
export function examplesOf(page: string): readonly Example[] {
  const blocks = [...page.matchAll(FENCE)].map(({ 1: language = '', 2: text = '', index }) => ({
    language,
    text,
    line: page.slice(0, index).split('\n').length,
  }));
  return blocks.flatMap(({ language, text, line }, index) => {
    if (language !== 'sh' || !text.startsWith('curl')) return [];
    const next = blocks[index + 1];
    const reply = next?.language === 'json' || next?.language === 'text' ? next : undefined;
    return [{ command: text.trim(), reply, line }];
  });
}
