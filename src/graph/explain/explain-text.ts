/** The plan as text, for `millrace info`: a block a task, with what leaves it below. */
import type { Plan, PlanEdge, PlanVertex } from './plan.ts';

export function explainText(plan: Plan): string {
  const slots = `${plan.slots} ${plan.slots === 1 ? 'slot' : 'slots'}`;
  const tasks = plan.vertices.length === 1 ? '1 task' : `${plan.vertices.length} tasks`;
  const lines = [`${plan.name}: ${tasks}, ${slots}`];
  for (const [name, value] of Object.entries(plan.parameters)) {
    lines.push(`  ${name} = ${JSON.stringify(value)}`);
  }
  for (const vertex of plan.vertices) lines.push('', ...vertexLines(vertex));
  return `${lines.join('\n')}\n`;
}

function vertexLines(vertex: PlanVertex): readonly string[] {
  const group =
    vertex.slotSharingGroup === 'default' ? '' : `, slots of "${vertex.slotSharingGroup}"`;
  const together = (vertex.coLocationGroups ?? []).map((key) => `, together with "${key}"`);
  const slots = `${group}${together.join('')}`;
  const uids = vertex.operators
    .filter(({ uid }) => uid !== undefined)
    .map(({ name, uid }) => `      "${name}" has uid "${uid}"`);
  return [
    `[${vertex.number}] ${vertex.name}`,
    `      parallelism ${vertex.parallelism} of at most ${vertex.maxParallelism}${slots}`,
    ...uids,
    ...vertex.outputs.map((edge) => `      ${edgeText(edge)}`),
  ];
}

function edgeText(edge: PlanEdge): string {
  const what =
    edge.sideOutput === undefined
      ? (edge.from ?? '')
      : [edge.from, `side output "${edge.sideOutput}"`]
          .filter((part) => part !== undefined)
          .join(', ');
  const from = what === '' ? '' : ` of ${what}`;
  const side = edge.side === undefined ? '' : ` (${edge.side})`;
  const blocking = edge.exchange === 'blocking' ? ', blocking' : '';
  return `--${edge.partitioner}${blocking}--> [${edge.to}]${side}${from}: ${edge.schema}`;
}
