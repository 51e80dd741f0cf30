/** The plan as a Mermaid flowchart, for `millrace info --mermaid` and for documents. */
import type { Plan, PlanEdge } from './plan.ts';

export function explainMermaid(plan: Plan): string {
  const lines = ['flowchart LR'];
  for (const vertex of plan.vertices) {
    const text = `${escaped(vertex.name)}<br/>parallelism ${vertex.parallelism}`;
    lines.push(`  v${vertex.number}["${text}"]`);
  }
  for (const vertex of plan.vertices) {
    for (const edge of vertex.outputs) {
      lines.push(`  v${vertex.number} -->|"${label(edge)}"| v${edge.to}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function label(edge: PlanEdge): string {
  const side = edge.side === undefined ? '' : `, ${edge.side}`;
  const output = edge.sideOutput === undefined ? '' : `<br/>${escaped(edge.sideOutput)}`;
  return `${edge.partitioner}${side}${output}<br/>${escaped(edge.schema)}`;
}

/** Mermaid takes entities without `&`; everything that could end or format the text becomes one. */
function escaped(text: string): string {
  return text.replace(/[#"<>&|`\\\r\n[\]{}]/g, (character) => `#${character.charCodeAt(0)};`);
}
