/** What the command line says about the file. */
export interface ImportOptions {
  readonly format: 'tokenfence' | 'auth0' | 'firebase';
  /** Base64, or `@` and the name of a file that holds it. */
  readonly hashKey?: string;
  /** Base64. */
  readonly saltSeparator: string;
  readonly rounds: number;
  readonly memCost: number;
}
