import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

@Entity('signing_keys')
export class SigningKeyEntity {
  /** The name drawn in advance and the thumbprint of the public key (RFC 7638). The `kid` also names the database. */
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'signing_keys_pkey' })
  id!: string;

  @Column({ type: 'text' })
  algorithm!: 'ES256';

  @Column({ name: 'public_key', type: 'text' })
  publicKey!: string;

  /** Encrypted with a key that is derived from the SECRET. */
  @Column({ name: 'sealed_private_key', type: 'text' })
  sealedPrivateKey!: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'retired_at', type: 'timestamptz', nullable: true })
  retiredAt!: Date | null;

  @Column({ name: 'revoked_at', type: 'timestamptz', nullable: true })
  revokedAt!: Date | null;
}
