/** This machine has no container engine and cannot get one. The message is the reason, in one line. */
export class CannotRunHere extends Error {
  override readonly name = 'CannotRunHere';
}

/** The last line of what a program printed: mostly the one that says why it failed. */
export function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? '';
}
