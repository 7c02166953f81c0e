import { Check, Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/**
 * The revocation log, which is also the outbox to Redis. It refers to users, sessions and keys only by id: deleting one
 * of them must not delete the revocation of its tokens.
 */
@Entity('revocations')
@Check('revocations_kind_known', `kind in ('TOKEN', 'SESSION', 'USER', 'EVERYONE', 'KEY')`)
@Index('revocations_user_id', ['userId'])
@Index('revocations_expires_at', ['expiresAt'])
@Index('revocations_revoked_at', ['revokedAt'])
@Index('revocations_unconfirmed', ['revokedAt'], { where: 'confirmed_at is null' })
export class RevocationEntity {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'revocations_pkey' })
  id!: string;

  @Column({ type: 'text' })
  kind!: 'TOKEN' | 'SESSION' | 'USER' | 'EVERYONE' | 'KEY';

  @Column({ name: 'user_id', type: 'uuid', nullable: true })
  userId!: string | null;

  @Column({ name: 'token_id', type: 'uuid', nullable: true })
  tokenId!: string | null;

  @Column({ name: 'session_id', type: 'uuid', nullable: true })
  sessionId!: string | null;

  @Column({ name: 'key_id', type: 'text', collation: 'C', nullable: true })
  keyId!: string | null;

  @Column({ name: 'token_version', type: 'integer', nullable: true })
  tokenVersion!: number | null;

  @Column({ name: 'global_version', type: 'integer', nullable: true })
  globalVersion!: number | null;

  @Column({ name: 'revoked_at', type: 'timestamptz' })
  revokedAt!: Date;

  @Column({ name: 'expires_at', type: 'timestamptz' })
  expiresAt!: Date;

  @Column({ name: 'confirmed_at', type: 'timestamptz', nullable: true })
  confirmedAt!: Date | null;
}
