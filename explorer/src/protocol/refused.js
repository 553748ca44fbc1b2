/** A proof, a key or a call is refused: which check fired, and why. */
export class Refused extends Error {
  /**
   * @param {string} check its name, as the Python verifier has it
   * @param {string} why
   */
  constructor(check, why) {
    super(`${check}: ${why}`);
    this.check = check;
  }
}
