import { Check, Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A key that makes refresh tokens, encrypted with the SECRET. The newest one is in use. */
@Entity('refresh_keys')
@Check('refresh_keys_id_fits', 'id between 1 and 65535')
export class RefreshKeyEntity {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'refresh_keys_pkey' })
  id!: number;

  @Column({ name: 'sealed_key', type: 'text' })
  sealedKey!: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
