/** This machine has no container engine and cannot install one. The message is the reason, in one line. */
export class CannotRunHere extends Error {
  override readonly name = 'CannotRunHere';
}

/** The last line of a program's output, which is mostly its error. */
export function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? '';
}
