/** Why the event time of a task's input stands where it is. */
import type { VertexId } from '../../graph/job-graph.ts';
import type { InputGate } from '../../network/input-gate.ts';
import type { WatermarkHold } from '../../protocol/slot-messages.ts';
import type { TaskOptions } from './task-options.ts';

/** @param producers of the channels of the gate, in its order */
export function holdOf(
  gate: InputGate,
  producers: TaskOptions['producers'],
): WatermarkHold | undefined {
  const { holder } = gate;
  if (holder !== undefined) return { kind: 'input', ...producers[holder]! };
  if (!gate.isIdle) return undefined;
  const verticesThatAre = (status: 'idle' | 'ended'): readonly VertexId[] => {
    const places = gate.channelsThatAre(status);
    return [...new Set(places.map((place) => producers[place]!.vertex))];
  };
  return { kind: 'idle', idle: verticesThatAre('idle'), ended: verticesThatAre('ended') };
}
