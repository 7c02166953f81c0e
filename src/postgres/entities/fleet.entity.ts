import { Check, Column, Entity, Generated, PrimaryColumn } from 'typeorm';

/** The one row of values that all nodes share. */
@Entity('fleet')
@Check('fleet_single_row', 'id')
export class FleetEntity {
  @PrimaryColumn({ type: 'boolean', default: true, primaryKeyConstraintName: 'fleet_pkey' })
  id!: boolean;

  /** Identifies the data: new in every database, and again after a backup was restored. */
  @Column({ name: 'database_id', type: 'uuid' })
  @Generated('uuid')
  databaseId!: string;

  @Column({ name: 'global_version', type: 'integer', default: 1 })
  globalVersion!: number;

  @Column({ name: 'signing_key_id', type: 'text', collation: 'C', nullable: true })
  signingKeyId!: string | null;

  /** The key that is published already, and the time from which it signs. */
  @Column({ name: 'next_signing_key_id', type: 'text', collation: 'C', nullable: true })
  nextSigningKeyId!: string | null;

  @Column({ name: 'next_signs_from', type: 'timestamptz', nullable: true })
  nextSignsFrom!: Date | null;

  /** The names that the ids of the next keys begin with, so that services can tell a new key from an invented one. */
  @Column({ name: 'upcoming_key_names', type: 'text', array: true, default: '{}' })
  upcomingKeyNames!: string[];

  /** Whether the nodes use Redis. Null until the first node has started. */
  @Column({ name: 'uses_redis', type: 'boolean', nullable: true })
  usesRedis!: boolean | null;

  /** ms; the nodes' lease if they use Redis. Each relies on the others' leases to end in time. */
  @Column({ name: 'revocation_lease', type: 'integer', nullable: true })
  revocationLease!: number | null;

  /** s; the longest access token lifetime that any node was ever set to. The log is kept that long. */
  @Column({ name: 'longest_token_ttl', type: 'integer', default: 0 })
  longestTokenTtl!: number;
}
