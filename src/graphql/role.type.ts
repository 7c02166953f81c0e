import { registerEnumType } from 'type-graphql';

export enum Role {
  USER = 'USER',
  ADMIN = 'ADMIN',
}

registerEnumType(Role, {
  name: 'Role',
  description: 'The role of a user.',
  valuesConfig: {
    USER: { description: 'May manage their own account.' },
    ADMIN: { description: 'May also manage all accounts and signing keys.' },
  },
});
