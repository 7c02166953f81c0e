import type { Role as CoreRole } from '../core/shape';
import { registeredEnum } from './registered-enum';

export type Role = CoreRole;

export const Role = registeredEnum<Role>('Role', 'The role of a user.', {
  USER: 'May manage their own account.',
  ADMIN: 'May also manage all accounts and signing keys.',
});
