import type { CompartmentReport, Report } from './check.ts';
import { hex, type Violation } from './program.ts';

/** What a report says, a line each; of what the kernel may do alone, `all` or how many. */
export function printReport(report: Report): string[] {
  return report.compartments.flatMap(printCompartment);
}

function printCompartment(report: CompartmentReport): string[] {
  const { compartment, functions, instructions, capabilities, listed } = report;
  if (functions === 0) return [];
  const head = `${compartment.name}: ${compartment.kind}, ${functions} functions, ${instructions} instructions`;
  return [
    head,
    ...capabilities.map((name) => `  calls ${name}`),
    ...listed.map(({ address, text, name }) => `  ${hex(address)}  ${text.padEnd(40)} ${name}`),
  ];
}

/** A violation in one line: where, what, whose, and the rule. */
export function printViolation({ address, text, name, rule }: Violation): string {
  const place = address === undefined ? [] : [hex(address)];
  return `${[...place, ...(text ? [text] : []), ...(name ? [`in ${name}`] : [])].join('  ')}: ${rule}`;
}
