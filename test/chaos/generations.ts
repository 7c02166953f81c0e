/** A refresh token in parts, as src/tokens/refresh-token.ts makes it. */
const partsOf = (refreshToken: string) => {
  const bytes = Buffer.from(refreshToken, 'base64url');
  return { key: bytes.readUInt16BE(0), generation: bytes.toString('base64url', 2, 22) };
};

/** Notes which refresh token was given for which, over all sessions. */
export interface Generations {
  /**
   * Notes the successor of a token. Returns the one that was noted before, if any, and whether both are one: they may
   * differ in the key that made them, for a moment after a rotation.
   */
  follow(
    refreshToken: string,
    successor: string,
  ): { readonly before: string; readonly isOne: boolean } | undefined;
}

export function createGenerations(): Generations {
  const successors = new Map<string, string>();
  return {
    follow(refreshToken, successor) {
      const { generation } = partsOf(refreshToken);
      const before = successors.get(generation);
      successors.set(generation, successor);
      if (before === undefined) return undefined;
      const [one, other] = [partsOf(before), partsOf(successor)];
      const isOne = one.key === other.key ? before === successor : one.generation === other.generation;
      return { before, isOne };
    },
  };
}
