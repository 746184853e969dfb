/** The start cannot go on; the message is for the person at the terminal, and needs no stack. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed';
}
