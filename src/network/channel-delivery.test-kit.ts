// What a link between slots does with the frames of a channel, without the link.
import { ChannelFrame } from './channel-frames.ts';
import type { RemoteInputChannel } from './remote-input-channel.ts';
import type { RemoteOutputChannel } from './remote-output-channel.ts';

/** To the end for which it is. */
export function deliver(
  { kind, bytes }: { readonly kind: number; readonly bytes: Uint8Array },
  output: RemoteOutputChannel,
  input: RemoteInputChannel,
): void {
  const amount = (): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (kind === ChannelFrame.credit) output.credited(amount());
  else if (kind === ChannelFrame.grow) output.grown(amount());
  else if (kind === ChannelFrame.reclaim) output.reclaim(amount());
  else if (kind === ChannelFrame.backlog) input.backlog();
  else if (kind === ChannelFrame.returned) input.returned(amount());
  else input.receive(kind, bytes, 0, bytes.length);
}
