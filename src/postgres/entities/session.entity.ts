import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { UserEntity } from './user.entity';

@Entity('sessions')
@Index('sessions_user_id', ['userId'])
@Index('sessions_purge_on', ['purgeOn'])
@Check('sessions_generation_positive', 'generation >= 1')
@Index('sessions_ended_at', ['endedAt'], { where: 'ended_at is not null' })
export class SessionEntity {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'sessions_pkey' })
  id!: string;

  @Column({ name: 'user_id', type: 'uuid' })
  userId!: string;

  @ManyToOne(() => UserEntity, { nullable: false, onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'sessions_user_id_fkey' })
  user?: Relation<UserEntity>;

  @Column({ name: 'token_version', type: 'integer' })
  tokenVersion!: number;

  @Column({ name: 'global_version', type: 'integer' })
  globalVersion!: number;

  /** How many refresh tokens the session has had. */
  @Column({ type: 'integer', default: 1 })
  generation!: number;

  @Column({ name: 'rotated_at', type: 'timestamptz' })
  rotatedAt!: Date;

  /** A secret of the session's refresh tokens: see src/tokens/refresh-token.ts. */
  @Column({ type: 'bytea' })
  salt!: Buffer;

  @Column({ name: 'uses_cookie', type: 'boolean' })
  usesCookie!: boolean;

  @Column({ name: 'user_agent', type: 'text', nullable: true })
  userAgent!: string | null;

  @Column({ name: 'ip_address', type: 'text', nullable: true })
  ipAddress!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  /** When the user last proved who they are in it. */
  @Column({ name: 'authenticated_at', type: 'timestamptz' })
  authenticatedAt!: Date;

  @Column({ name: 'last_used_at', type: 'timestamptz' })
  lastUsedAt!: Date;

  @Column({ name: 'idle_expires_at', type: 'timestamptz' })
  idleExpiresAt!: Date;

  @Column({ name: 'expires_at', type: 'timestamptz' })
  expiresAt!: Date;

  /** From this day on, the row may be deleted. */
  @Column({ name: 'purge_on', type: 'date' })
  purgeOn!: string;

  @Column({ name: 'ended_at', type: 'timestamptz', nullable: true })
  endedAt!: Date | null;
}
