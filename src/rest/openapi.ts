/** The OpenAPI document, made from the endpoints themselves. */
import type { Endpoint } from './endpoint.ts';
import type { Parameter } from './parameters.ts';
import { referenceTo, referred } from './shape.ts';
import type { JsonSchema, Shape } from './shape.ts';

const ERRORS: JsonSchema = {
  type: 'object',
  properties: { errors: { type: 'array', items: { type: 'string' } }, error: {} },
  required: ['errors'],
};

export function openApiDocument(endpoints: readonly Endpoint[], version: string): unknown {
  const schemas = new Map<string, JsonSchema>([['Errors', ERRORS]]);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[endpoint.method.toLowerCase()] = operation(endpoint, schemas);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Millrace REST interface',
      version,
      description:
        'Paths and answers are those of Apache Flink 2.3; every path is there with /v1 in front, too.',
    },
    security: [{ token: [] }],
    paths,
    components: {
      schemas: Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function operation(endpoint: Endpoint, schemas: Map<string, JsonSchema>): unknown {
  const { summary, parameters, query, body, accepts, answer, produces, status = 200 } = endpoint;
  const schema = answer === undefined ? { type: 'string' } : gather(answer, schemas);
  return {
    summary,
    tags: [endpoint.path.split('/')[1]],
    parameters: [
      ...Object.entries(parameters).map((each) => parameterOf('path', ...each)),
      ...Object.entries(query).map((each) => parameterOf('query', ...each)),
    ],
    ...requestBody(body && gather(body.shape, schemas), accepts),
    responses: {
      [status]: {
        description: 'What was asked for.',
        content: { [produces]: { schema } },
      },
      default: {
        description: 'Why not.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Errors' } } },
      },
    },
  };
}

function parameterOf(
  where: 'path' | 'query',
  name: string,
  parameter: Parameter<unknown>,
): unknown {
  const { description, schema } = parameter;
  const one = { name, in: where, required: where === 'path', description };
  if (where === 'path') return { ...one, schema };
  return { ...one, schema: { type: 'array', items: schema }, explode: false };
}

function requestBody(json: JsonSchema | undefined, accepts: readonly string[] | undefined): object {
  if (json !== undefined)
    return { requestBody: { content: { 'application/json': { schema: json } } } };
  if (accepts === undefined) return {};
  const content = accepts.map((type) => [type, { schema: { type: 'string', format: 'binary' } }]);
  return { requestBody: { content: Object.fromEntries(content) } };
}

/** The schema of a shape; whatever it refers to is put among the components. */
function gather(shape: Shape<unknown>, schemas: Map<string, JsonSchema>): JsonSchema {
  const schema = referenceTo(shape);
  collect(schema, schemas);
  return schema;
}

function collect(node: unknown, schemas: Map<string, JsonSchema>): void {
  if (typeof node !== 'object' || node === null) return;
  const shape = (node as { readonly [referred]?: Shape<unknown> })[referred];
  if (shape?.name !== undefined && !schemas.has(shape.name)) {
    schemas.set(shape.name, shape.schema);
    collect(shape.schema, schemas);
  }
  for (const child of Object.values(node)) collect(child, schemas);
}
