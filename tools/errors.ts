/** The user's mistake, or a bad file: the command prints `message` as one line and exits with 2. */
export class UserError extends Error {
  override readonly name = 'UserError';
}
