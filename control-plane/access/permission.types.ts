/** The permissions as the API names them. */
import { registerEnumType } from 'type-graphql';
import { PERMISSIONS } from './permissions.ts';

export const PERMISSION = Object.fromEntries(PERMISSIONS.map((permission) => [permission, permission]));
registerEnumType(PERMISSION, { name: 'Permission', description: 'What a token or a role may do.' });
