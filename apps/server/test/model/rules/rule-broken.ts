/** The service did something that the rules do not allow. */
export class RuleBroken extends Error {
  override readonly name = 'RuleBroken';
}
