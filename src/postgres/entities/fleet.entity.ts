import { Check, Column, Entity, Generated, PrimaryColumn } from 'typeorm';

/** The one row of what all nodes share. */
@Entity('fleet')
@Check('fleet_single_row', 'id')
export class FleetEntity {
  @PrimaryColumn({ type: 'boolean', default: true, primaryKeyConstraintName: 'fleet_pkey' })
  id!: boolean;

  /** Tells this database's data from another's: new in every database, and after a restored backup. */
  @Column({ name: 'database_id', type: 'uuid' })
  @Generated('uuid')
  databaseId!: string;

  @Column({ name: 'global_version', type: 'integer', default: 1 })
  globalVersion!: number;

  @Column({ name: 'signing_key_id', type: 'text', collation: 'C', nullable: true })
  signingKeyId!: string | null;

  /** The key that is published already, and the time from which it signs instead. */
  @Column({ name: 'next_signing_key_id', type: 'text', collation: 'C', nullable: true })
  nextSigningKeyId!: string | null;

  @Column({ name: 'next_signs_from', type: 'timestamptz', nullable: true })
  nextSignsFrom!: Date | null;

  /** What the ids of the next keys begin with, so that services can tell a new key from a made-up one. */
  @Column({ name: 'upcoming_key_names', type: 'text', array: true, default: '{}' })
  upcomingKeyNames!: string[];

  /** Whether the nodes read revocations from Redis. Unset until the first node has started. */
  @Column({ name: 'uses_redis', type: 'boolean', nullable: true })
  usesRedis!: boolean | null;

  /** The nodes' lease in ms, where they use Redis: each relies on the others' ending in time. */
  @Column({ name: 'revocation_lease', type: 'integer', nullable: true })
  revocationLease!: number | null;

  /** The longest access token lifetime that any node was ever set to, in s. The log is kept for that long. */
  @Column({ name: 'longest_token_ttl', type: 'integer', default: 0 })
  longestTokenTtl!: number;
}
