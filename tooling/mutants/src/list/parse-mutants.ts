import type { Edit, Mutant } from './mutant.ts';

const LINE =
  /^(?<name>[^\s#].*)$|^ {2}in (?<place>\S+)$|^ {2}(?<sign>[-+=])(?: (?<text>.*))?$|^ {2}(?<option>[\w-]+): (?<value>.*)$/;

/**
 * Reads a list of mutants. The form is that of the README:
 *
 *     the rule that is broken
 *       in nameOfADeclaration
 *       = this text is found, and kept
 *       - this text is found, and removed
 *       + this text is added
 *
 * @throws Error when a line is none of these, or a mutant changes nothing.
 */
export function parseMutants(list: string): readonly Mutant[] {
  const mutants: { name: string; edits: EditLines[]; options: Map<string, string> }[] = [];
  for (const [index, line] of list.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const { name, place, sign, text = '', option, value = '' } = LINE.exec(line)?.groups ?? {};
    const current = mutants.at(-1);
    const edit = current?.edits.at(-1);
    if (name !== undefined) mutants.push({ name, edits: [], options: new Map() });
    else if (place !== undefined && current) current.edits.push({ place, find: [], replace: [] });
    else if (option !== undefined && current) current.options.set(option, value);
    else if (sign !== undefined && edit) {
      if (sign !== '+') edit.find.push(text);
      if (sign !== '-') edit.replace.push(text);
    } else throw new Error(`line ${index + 1} is not of a list of mutants: ${line}`);
  }
  return mutants.map(({ edits, ...mutant }) => ({ ...mutant, edits: edits.map(joined) }));
}

interface EditLines {
  readonly place: string;
  readonly find: string[];
  readonly replace: string[];
}

function joined({ place, find, replace }: EditLines): Edit {
  const edit = { place, find: find.join('\n'), replace: replace.join('\n') };
  if (edit.find.trim() === '' || edit.find === edit.replace) throw new Error(`nothing changes in ${place}`);
  return edit;
}
