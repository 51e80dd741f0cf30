/** Text tables for the terminal: columns as wide as needed, numbers to the right. */

export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]!.length)),
  );
  const numeric = header.map((_title, column) =>
    rows.every((row) => /^[-+\d.,%]*[kMGT]?(?:\/s)?( \S+)?$/.test(row[column]!)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        numeric[column]! ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd();
  return `${[header, ...rows].map(line).join('\n')}\n`;
}

/** 12345678 -> `12.3M`. */
export function shortCount(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T'];
  let scaled = value;
  let unit = 0;
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  return unit === 0 ? String(Math.round(scaled)) : `${scaled.toPrecision(3)}${units[unit]!}`;
}
