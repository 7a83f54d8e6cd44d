import { formatTable } from '../../inspect/table.ts';
import type { Acceptance, GuestMeasurement, Operation } from './measure.ts';
import type { Counts } from './run.ts';

const PAGES_IN_GIB = 2 ** 18;
const PAGES_IN_MIB = 2 ** 8;
const STARTS = { kvm: 'shared', hv: 'private' } as const;

/** What the guest asks of its host, and what that takes, as tables. */
export function reportGuests({ acceptances, operations }: GuestMeasurement): string {
  return [acceptanceTable(acceptances), '', operationTable(operations)].join('\n');
}

function acceptanceTable(acceptances: readonly Acceptance[]): string {
  const head = ['RAM, MIB', 'STARTS', 'AT ONCE', 'WAY', 'MIB VALIDATED', 'PVALIDATES', 'VMGEXITS'];
  const rows = acceptances.map(({ way, host, memory, lazyAbove, counts }) => {
    const pages = counts.validated4k + 512 * counts.validated2m;
    return [
      String(memory),
      STARTS[host],
      lazyAbove === undefined ? 'all' : `${lazyAbove} MiB`,
      way === 'tacit' ? 'ours' : 'Linux',
      (pages / PAGES_IN_MIB).toFixed(1),
      String(counts.validated4k + counts.validated2m),
      String(counts.vmgexits),
      String(counts.instructions),
      ((pages / PAGES_IN_GIB / counts.instructions) * 1e6).toFixed(3),
    ];
  });
  return formatTable(
    [...head, 'INSTRUCTIONS', 'GIB PER MILLION'],
    ['right', 'left', 'right', 'left', ...Array(5).fill('right')],
    rows,
  );
}

function operationTable(operations: readonly Operation[]): string {
  const head = ['FOR EACH', 'EXITS', 'INSTRUCTIONS'];
  const other = (name: string) => [`${name} EXITS`, '#VC', 'INSTRUCTIONS', 'RATIO'];
  const rows = operations.map(({ name, ours, linux, coconut }) => [
    name,
    amount(ours.exits),
    amount(ours.instructions),
    ...beside(linux, ours),
    ...(coconut === undefined ? ['=', '', '', ''] : beside(coconut, ours)),
  ]);
  return formatTable(
    [...head, ...other('LINUX'), ...other('COCONUT')],
    ['left', ...Array(10).fill('right')],
    rows,
  );
}

/** Another way's figures, and how many times our instructions it takes. */
function beside(other: Counts, ours: Counts): string[] {
  const ratio = (other.instructions / ours.instructions).toFixed(2);
  return [amount(other.exits), amount(other.vcs), amount(other.instructions), ratio];
}

function amount(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value < 10 ? value.toPrecision(3) : value.toFixed(0);
}
