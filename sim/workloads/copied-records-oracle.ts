/** What `copied-records` must write: each record of each source once. */

/** The rows of all files together, in order of text. */
export function expectedCopies(records: number): readonly string[] {
  const rows: string[] = [];
  for (const source of ['left', 'right']) {
    for (let index = 0; index < records / 2; index += 1) {
      rows.push(`${source},${index},${index * index}`);
    }
  }
  return rows.toSorted();
}
