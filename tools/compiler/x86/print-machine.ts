import { INCOMING, OUTGOING } from './locations.ts';
import {
  type Address,
  type Inst,
  isConstantUse,
  type MachineBlock,
  type MachineFn,
  type Move,
  SCRATCH_XMM,
  SLOT,
  usedRegister,
  WIDE,
  XMM,
} from './machine.ts';

// biome-ignore format: as numbered
const GENERAL = [
  'rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi',
  'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15',
];

/** A location as text: `rax`, `xmm3`, `slot2`. */
export function locationName(flagged: number): string {
  const location = flagged < 0 ? flagged : flagged & ~WIDE;
  if (location < 0) return `constant ${-1 - location}`;
  if (location < XMM) return GENERAL[location] as string;
  if (location <= SCRATCH_XMM) return `xmm${location - XMM}`;
  if (location >= INCOMING) return `incoming+${location - INCOMING}`;
  if (location >= OUTGOING) return `outgoing+${location - OUTGOING}`;
  return `slot${location - SLOT}`;
}

/** Machine instructions as text: virtual registers, and their locations once they have them. */
export function printMachine(fn: MachineFn): string {
  return `${[`function ${fn.name}`, ...fn.blocks.flatMap(printBlock)].join('\n')}\n`;
}

function printBlock(block: MachineBlock): string[] {
  const lines = [`b${block.id}:`];
  for (const { def, inputs } of block.phis) {
    lines.push(`  v${def} = phi ${inputs.map(operand).join(', ')}`);
  }
  lines.push(...moves(block.startMoves));
  block.insts.forEach((inst, i) => {
    lines.push(...moves(block.moves?.get(i) ?? []));
    if (i === block.insts.length - 1) lines.push(...moves(block.endMoves));
    lines.push(`  ${printInst(inst)}`);
  });
  const targets = block.succs.map(({ id }) => `b${id}`).join(' ');
  if (targets) lines.push(`  -> ${targets}`);
  return lines;
}

function moves(list: readonly Move[]): string[] {
  return list.map(({ to, from }) => `  move ${locationName(to)}, ${locationName(from)}`);
}

function printInst(inst: Inst): string {
  const { kind, form, defs, uses, temps, imm } = inst;
  const parts = [
    defs.length > 0 ? `${defs.map((def, i) => place(`v${def}`, inst.defAt[i])).join(', ')} =` : '',
    form?.instruction.id ?? kind.name,
    uses.map((packed, i) => place(operand(packed), inst.useAt[i])).join(', '),
    inst.address ? address(inst.address) : '',
    imm !== 0 ? `#${imm}` : '',
    temps.length > 0
      ? `using ${temps.map((t, i) => place(`v${t}`, inst.tempAt[i])).join(', ')}`
      : '',
  ];
  return parts.filter(Boolean).join(' ');
}

function place(name: string, location: number | undefined): string {
  return location === undefined || location < 0 ? name : `${name}:${locationName(location)}`;
}

function operand(packed: number): string {
  return isConstantUse(packed) ? `constant ${-1 - packed}` : `v${usedRegister(packed)}`;
}

/** Registers are named by their positions among the uses. */
function address({ base, index, scale, displacement, symbol, inMemory, narrow }: Address): string {
  if (symbol !== undefined) return `[${symbol}+${displacement}]`;
  const parts = [
    inMemory ? 'memory' : '',
    base >= 0 ? `use${base}` : '',
    index >= 0 ? `use${index}*${scale}` : '',
    displacement !== 0 ? `${displacement}` : '',
  ];
  return `[${parts.filter(Boolean).join('+')}]${narrow ? ' mod 2^32' : ''}`;
}
