import type { EntityManager } from 'typeorm';
import type { RefreshToken } from '../core/account';
import type { RefreshTokens } from '../core/ports/truth';
import { RefreshTokenEntity } from './entities/refresh-token.entity';
import { run } from './tables';

export function refreshTokensIn(manager: EntityManager): RefreshTokens {
  const tokens = manager.getRepository(RefreshTokenEntity);
  return {
    async findByHash(hash) {
      const [row] = await run<(Omit<RefreshToken, 'usedAt'> & { usedAt: Date | null })[]>(
        manager,
        `select t.id, t.session_id as "sessionId", s.user_id as "userId", t.used_at as "usedAt"
         from {refresh_tokens} t join {sessions} s on s.id = t.session_id where t.hash = $1`,
        [hash],
      );
      return row && { ...row, usedAt: row.usedAt ?? undefined };
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
