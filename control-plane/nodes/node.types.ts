/** What every object with an id of its own has in common. */
import { Field, ID, InterfaceType } from 'type-graphql';
import { typeOfNode } from './node-names.ts';

@InterfaceType('Node', { description: 'An object that `node` finds by its id.', resolveType: typeOfNode })
export abstract class Node {
  @Field(() => ID, { description: 'Begins with what it is the id of.' })
  id!: string;
}
