import { Check, Column, CreateDateColumn, Entity, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';

@Entity('users')
@Unique('users_email_key_unique', ['emailKey'])
@Check('users_role_formed', `role ~ '^[A-Z][A-Z0-9_]{0,31}$'`)
@Index('users_role', ['role'], { where: `role not in ('USER', 'ADMIN')` })
@Check('users_token_version_positive', 'token_version >= 1')
@Index('users_created_at_id', ['createdAt', 'id'])
@Index('users_pending_created_at', ['createdAt'], { where: 'pending and password_hash is not null' })
@Index('users_previous_email_key', ['previousEmailKey'], { where: 'previous_email_key is not null' })
export class UserEntity {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'users_pkey' })
  id!: string;

  @Column({ type: 'text' })
  email!: string;

  /** The email in the form in which emails are compared, so that it is unique in any letter case. */
  @Column({ name: 'email_key', type: 'text', collation: 'C' })
  emailKey!: string;

  @Column({ name: 'email_verified', type: 'boolean', default: false })
  emailVerified!: boolean;

  /** Registered or invited, and never let in. */
  @Column({ type: 'boolean', default: false })
  pending!: boolean;

  /** The email before it was changed, while the change can be undone. Until then, no other account may take it. */
  @Column({ name: 'previous_email', type: 'text', nullable: true })
  previousEmail!: string | null;

  @Column({ name: 'previous_email_key', type: 'text', collation: 'C', nullable: true })
  previousEmailKey!: string | null;

  @Column({ name: 'previous_email_until', type: 'timestamptz', nullable: true })
  previousEmailUntil!: Date | null;

  /** The version that the change raised. The link that undoes it carries it, and stays good after further raises. */
  @Column({ name: 'previous_email_version', type: 'integer', nullable: true })
  previousEmailVersion!: number | null;

  @Column({ name: 'password_hash', type: 'text', nullable: true })
  passwordHash!: string | null;

  @Column({ type: 'text', collation: 'C' })
  role!: string;

  @Column({ name: 'token_version', type: 'integer', default: 1 })
  tokenVersion!: number;

  @Column({ name: 'disabled_at', type: 'timestamptz', nullable: true })
  disabledAt!: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 })
  createdAt!: Date;
}
