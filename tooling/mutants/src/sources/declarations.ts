/** The range of a declaration in its file, from its first line to the next declaration beside it. */
export interface Declaration {
  /** `name`, or `Class.member`. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

const TOP =
  /^(?:export )?(?:default )?(?:abstract )?(?:async )?(?:function\*?|class|const|let|interface|type|enum) (\w+)/;
const CLASS = /^[a-z ]*\bclass /;
const MEMBER =
  /^ {2}(?:(?:private|protected|public|static|override|readonly|async|get|set|abstract) )*\*?(#?\w+)\b/;

/**
 * The top-level declarations of a source, and the members of its classes. Their
 * indentation identifies them, since the formatter determines it.
 */
export function declarationsOf(source: string): readonly Declaration[] {
  const found: { name: string; start: number; end: number }[] = [];
  /** The declaration and the class member of the current line. */
  let top: (typeof found)[number] | undefined;
  let member: typeof top;
  let isClass = false;
  let offset = 0;
  const open = (name: string) => {
    const declaration = { name, start: offset, end: source.length };
    found.push(declaration);
    return declaration;
  };
  for (const line of source.split(/(?<=\n)/)) {
    const name = TOP.exec(line)?.[1];
    const memberName = isClass ? MEMBER.exec(line)?.[1] : undefined;
    if (name !== undefined || memberName !== undefined) {
      if (member !== undefined) member.end = offset;
      member = memberName === undefined ? undefined : open(`${top?.name}.${memberName}`);
    }
    if (name !== undefined) {
      if (top !== undefined) top.end = offset;
      top = open(name);
      isClass = CLASS.test(line);
    }
    offset += line.length;
  }
  return found;
}
