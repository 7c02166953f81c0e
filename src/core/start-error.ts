/** A fault of the surroundings that whoever starts the service has to mend; its message tells them how. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
