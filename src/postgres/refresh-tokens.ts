import type { EntityManager } from 'typeorm';
import type { RefreshTokens } from '../core/ports/truth';
import { RefreshTokenEntity } from './entities/refresh-token.entity';
import { run } from './tables';

export function refreshTokensIn(manager: EntityManager): RefreshTokens {
  const tokens = manager.getRepository(RefreshTokenEntity);
  return {
    async findByHash(hash) {
      const [row] = await run<{ id: string; session_id: string; user_id: string; used_at: Date | null }[]>(
        manager,
        `select t.id, t.session_id, s.user_id, t.used_at
         from {refresh_tokens} t join {sessions} s on s.id = t.session_id where t.hash = $1`,
        [hash],
      );
      return (
        row && {
          id: row.id,
          sessionId: row.session_id,
          userId: row.user_id,
          usedAt: row.used_at ?? undefined,
        }
      );
    },

    async insert({ hash, sessionId, parentId }) {
      await tokens.insert({ hash, sessionId, parentId: parentId ?? null });
    },

    async markUsed(id, usedAt) {
      await tokens.update({ id }, { usedAt });
    },

    async deleteAllOf(sessionId) {
      await tokens.delete({ sessionId });
    },
  };
}
