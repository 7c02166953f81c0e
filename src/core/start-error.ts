/** An error in the environment that the operator has to fix. Its message says how. */
export class StartError extends Error {
  override readonly name: string = 'StartError';
}
