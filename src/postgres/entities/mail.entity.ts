import { Check, Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** A mail that waits to be sent. Refers to users only by id: the address may have no account. */
@Entity('mails')
@Check('mails_attempts_not_negative', 'attempts >= 0')
@Index('mails_next_attempt_at', ['nextAttemptAt'])
@Index('mails_created_at', ['createdAt'])
export class MailEntity {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'mails_pkey' })
  id!: string;

  @Column({ type: 'text' })
  kind!: string;

  @Column({ type: 'text' })
  recipient!: string;

  @Column({ name: 'user_id', type: 'uuid', nullable: true })
  userId!: string | null;

  /** The user's version when it was written. */
  @Column({ name: 'token_version', type: 'integer', nullable: true })
  tokenVersion!: number | null;

  @Column({ type: 'jsonb', default: {} })
  data!: object;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  createdAt!: Date;

  /** A claim moves it by the lease: until then, no other node may send the mail. */
  @Column({ name: 'next_attempt_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  nextAttemptAt!: Date;

  /** How often it was claimed. It names the last claim. */
  @Column({ type: 'integer', default: 0 })
  attempts!: number;

  /** Whether an attempt ended without the answer of the mail server, which may have taken the mail. */
  @Column({ type: 'boolean', default: false })
  unanswered!: boolean;
}
