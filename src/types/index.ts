/** What other folders need of schemas: their constructors, their types and the values they name. */
export { t, dynamic } from './t.ts';
export { schemaOf } from './schema-of.ts';
export { formerNamesOf } from './described-schema.ts';
export { bareDescription, evolutionOf, keyEvolutionOf } from './evolution.ts';
export type { Convert } from './evolution.ts';
export { fromStandard } from './standard-schema.ts';
export type { Infer, JsonValue, Key, Schema, Shape, Struct } from './schema.ts';
