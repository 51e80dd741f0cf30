/**
 * The loop that rates are compared with: what the engine's hot paths are made of, and nothing of
 * the engine. Never change it: every baseline would be void.
 */

const ROUNDS = 3_000_000;
const TABLE = 1 << 17;

/** Rounds a second of CPU of this thread: the best of three, after a warm-up. */
export function calibrate(): number {
  round(ROUNDS);
  let best = 0;
  for (let run = 0; run < 3; run += 1) {
    const { user, system } = process.threadCpuUsage();
    round(ROUNDS);
    const used = process.threadCpuUsage({ user, system });
    best = Math.max(best, (ROUNDS * 1e6) / (used.user + used.system));
  }
  return best;
}

/** Objects that are made and dropped, a hash, a place in a table, a text. */
function round(count: number): void {
  const table = new Float64Array(TABLE);
  let last = { key: 0, amount: 0 };
  let characters = 0;
  for (let i = 0; i < count; i += 1) {
    const mixed = Math.imul(i ^ (i >>> 15), 0x85ebca6b);
    const record = { key: (mixed ^ (mixed >>> 13)) & (TABLE - 1), amount: i & 7 };
    table[record.key] = table[record.key]! + record.amount + last.amount;
    if ((i & 15) === 0) characters += `${record.key}`.length;
    last = record;
  }
  if (characters === 0 || table.every((sum) => sum === 0)) throw new Error('nothing was done');
}
