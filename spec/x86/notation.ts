/**
 * Reads the table's notation: a row's text and encoding become one {@link Instruction}, or several
 * where the row stands for a family of operand sizes or of conditions.
 *
 *     add r/mv, rv       01 /r          v: 16, 32 and 64 bits      y: 32 and 64 bits
 *     add r/mv, immz     81 /0 iz       z: immediate of 16 or 32 bits, sign-extended from 32 for 64
 *     jcc rel32          0F 80+cc cd    the sixteen conditions
 *     push rv            d64 50+r       d64: 64-bit mode makes 32 bits 64, without REX.W
 *
 * Encodings are written as the manual does (APM3 §2.5.2), after the sizes they hold for: `o16 o32 o64`
 * operand size, `a16 a32 a64` address size, `NP` none of 66 F2 F3, then mandatory prefixes, `REX.W` or
 * `VEX.LZ.66.0F38.W0`, opcode, `/r`, `/0`, a fixed ModRM byte, and immediates `ib iw id iq`,
 * displacements `cb cw cd`, `mo` an address. `simm8` is `imm8` sign-extended to the operand size.
 */
import type {
  Attributes,
  Encoding,
  Flags,
  Instruction,
  Operand,
  OperandKind,
  Place,
  RegisterFile,
  Vex,
} from './instruction.ts';
import { FLAG } from './instruction.ts';

/** The sixteen conditions by their code, each in the spelling that Intel-syntax printers use. */
export const CONDITIONS = 'o no b ae e ne be a s ns p np l ge le g'.split(' ');

/** Flags each pair of conditions tests, in order of their codes divided by two. APM3 §3, Jcc. */
const CONDITION_FLAGS = ['o', 'c', 'z', 'cz', 's', 'p', 'so', 'zso'];

/** The instructions that one row of the table stands for. Throws for a row it cannot read. */
export function i(text: string, encoding: string, attributes: Attributes = {}): Instruction[] {
  if (/^(j|set|cmov)cc /.test(text)) {
    return CONDITIONS.flatMap((name, code) =>
      i(
        text.replace('cc', name),
        encoding.replace(/([0-9A-F]{2})\+cc/, (_, first) => hex(Number.parseInt(first, 16) + code)),
        {
          ...attributes,
          reads: CONDITION_FLAGS[code >> 1] ?? '',
          effect: text.slice(0, text.indexOf(' ')),
        },
      ).map((row) => ({ ...row, effect: { ...row.effect, condition: code } })),
    );
  }
  const family = /(?:^|[ /,])(?:r|r\/m|m|imm|simm|moffs|rA)([vyz])(?=,|$)/.exec(text)?.[1];
  if (family === undefined) {
    if (!encoding.includes('d64') || attributes.mode) return [parse(text, encoding, attributes)];
    return [
      parse(text, encoding, { ...attributes, mode: 64 }),
      parse(text, encoding.replace('d64', 'o32'), { ...attributes, mode: 32 }),
    ];
  }
  const sizes = family === 'y' ? [32, 64] : [16, 32, 64];
  return sizes
    .filter((size) => attributes.mode !== 32 || size !== 64)
    .map((size) => sized(text, encoding, attributes, size));
}

function sized(text: string, encoding: string, attributes: Attributes, size: number): Instruction {
  const d64 = /\bd64\b/.test(encoding);
  const immediate = size === 64 ? 'simm32' : `imm${size}`;
  const bytes = `i${size === 16 ? 'w' : 'd'}`;
  const accumulator = { 16: 'ax', 32: 'eax', 64: 'rax' }[size] ?? '';
  return parse(
    text
      .replace(/\brA[vy]\b/g, accumulator)
      .replace(/\bs?immz\b/g, immediate)
      .replace(/\b(r|r\/m|m|imm|moffs)[vy](?=,|$)/g, `$1${size}`),
    // Under d64 the 64-bit form is the 32-bit one's encoding, and takes its place.
    `${d64 && size === 64 ? '' : `o${size} `}${encoding.replace(/\biz\b/, bytes)}`,
    d64 && size === 32 ? { ...attributes, mode: 32 } : attributes,
  );
}

function parse(text: string, encoding: string, attributes: Attributes): Instruction {
  const space = text.indexOf(' ');
  const mnemonic = space < 0 ? text : text.slice(0, space);
  const texts = space < 0 ? [] : text.slice(space + 1).split(', ');
  const parsed = parseEncoding(text, encoding);
  const operands = placed(
    texts.map((operand) => parseOperand(text, operand)),
    parsed,
  );
  const size64 = operands.some((o) => /^(r64|r\/m64|rax|r64\/.*)$/.test(o.text));
  const only64 = parsed.rexW || parsed.default64 || size64 || attributes.mode === 64;
  const first = operands[0];
  return {
    id: attributes.alias ? `${text} [${encoding}]` : text,
    mnemonic,
    operands,
    encoding: parsed,
    modes: { protected32: !only64, long64: attributes.mode !== 32 },
    lockable: attributes.lock === true,
    repeat: attributes.repeat ?? 'none',
    cpl0: attributes.cpl0 === true,
    host: attributes.host === true,
    feature: attributes.feature ?? '',
    intercept: attributes.intercept,
    flags: parseFlags(text, attributes),
    effect: {
      name: attributes.effect ?? mnemonic,
      width: attributes.width ?? (parsed.operandSize || first?.memory || first?.width || 0),
      condition: -1,
    },
    alias: attributes.alias === true,
  };
}

const SIZES: Record<string, number> = { ib: 1, cb: 1, iw: 2, cw: 2, id: 4, cd: 4, iq: 8, mo: -1 };

function parseEncoding(text: string, encoding: string): Encoding {
  const fail = (why: string): never => {
    throw new TypeError(`x86 table: ${text}: ${encoding}: ${why}`);
  };
  const out = {
    operandSize: 0 as Encoding['operandSize'],
    default64: false,
    rexW: false,
    prefix: 0 as Encoding['prefix'],
    noPrefix: false,
    addressSize: 0 as Encoding['addressSize'],
    vex: undefined as Vex | undefined,
    map: 0 as Encoding['map'],
    opcode: -1,
    plusRegister: false,
    modrm: 'none' as Encoding['modrm'],
    digit: 0,
    immediates: [] as number[],
  };
  for (const token of encoding.split(' ')) {
    const size = SIZES[token];
    if (/^o(16|32|64)$/.test(token)) {
      out.operandSize = Number(token.slice(1)) as Encoding['operandSize'];
      if (token === 'o64') out.rexW = true;
    } else if (/^a(16|32|64)$/.test(token)) {
      out.addressSize = Number(token.slice(1)) as Encoding['addressSize'];
    } else if (token === 'd64') {
      if (out.operandSize === 0) {
        out.operandSize = 64;
        out.default64 = true;
      }
    } else if (token === 'NP') {
      out.noPrefix = true;
    } else if (token === 'REX.W') {
      out.rexW = true;
      out.operandSize = 64;
    } else if (token.startsWith('VEX.')) {
      out.vex = parseVex(token);
      out.map = token.includes('0F38') ? 2 : token.includes('0F3A') ? 3 : 1;
      if (out.vex.w === 1) out.operandSize = 64;
    } else if (/^(66|F2|F3)$/.test(token) && out.opcode < 0 && out.map === 0) {
      out.prefix = Number.parseInt(token, 16) as Encoding['prefix'];
    } else if (token === '0F' && out.opcode < 0 && out.map === 0) {
      out.map = 1;
    } else if (/^(38|3A)$/.test(token) && out.opcode < 0 && out.map === 1 && !out.vex) {
      out.map = token === '38' ? 2 : 3;
    } else if (/^[0-9A-F]{2}(\+r)?$/.test(token)) {
      if (out.opcode < 0) {
        out.opcode = Number.parseInt(token, 16);
        out.plusRegister = token.endsWith('+r');
      } else if (out.modrm === 'none') {
        out.modrm = 'byte';
        out.digit = Number.parseInt(token, 16);
      } else fail(`unexpected ${token}`);
    } else if (token === '/r') {
      out.modrm = 'register';
    } else if (/^\/[0-7]$/.test(token)) {
      out.modrm = 'digit';
      out.digit = Number(token.slice(1));
    } else if (size !== undefined) {
      out.immediates.push(size);
    } else if (token !== '') fail(`unexpected ${token}`);
  }
  if (out.opcode < 0) fail('no opcode');
  return out;
}

/** `VEX.LZ.66.0F38.W0`: vector length, implied prefix, map, W. */
function parseVex(token: string): Vex {
  const parts = token.split('.');
  return {
    l: parts.includes('L1') || parts.includes('256') ? 1 : 0,
    w: parts.includes('W1') ? 1 : parts.includes('W0') ? 0 : undefined,
    pp: parts.includes('66') ? 1 : parts.includes('F3') ? 2 : parts.includes('F2') ? 3 : 0,
  };
}

type Unplaced = Omit<Operand, 'place'>;

const FIXED: Record<string, readonly [RegisterFile, number, number]> = {
  al: ['gpr', 8, 0],
  ax: ['gpr', 16, 0],
  eax: ['gpr', 32, 0],
  rax: ['gpr', 64, 0],
  cl: ['gpr', 8, 1],
  dx: ['gpr', 16, 2],
  es: ['segment', 16, 0],
  cs: ['segment', 16, 1],
  ss: ['segment', 16, 2],
  ds: ['segment', 16, 3],
  fs: ['segment', 16, 4],
  gs: ['segment', 16, 5],
  xmm0: ['xmm', 128, 0],
};

const FILES: Record<string, readonly [RegisterFile, number]> = {
  xmm: ['xmm', 128],
  sreg: ['segment', 16],
  cr: ['control', 64],
  dr: ['debug', 64],
};

function parseOperand(row: string, text: string): Unplaced {
  const operand = (kind: OperandKind, width: number, more: Partial<Unplaced> = {}): Unplaced => ({
    text,
    kind,
    file: undefined,
    width,
    memory: 0,
    fixed: undefined,
    signed: false,
    ...more,
  });
  const fixed = FIXED[text];
  if (fixed) return operand('fixed', fixed[1], { file: fixed[0], fixed: fixed[2] });
  const file = FILES[text];
  if (file) return operand('register', file[1], { file: file[0] });
  if (text === '1') return operand('one', 8);
  if (text === 'm') return operand('memory', 0);
  let match = /^r(8|16|32|64)$/.exec(text);
  if (match) return operand('register', Number(match[1]), { file: 'gpr' });
  match = /^(?:r(32|64)?|(xmm))\/m(8|16|32|64|128)$/.exec(text);
  if (match) {
    const memory = Number(match[3]);
    const width = match[2] ? 128 : Number(match[1] || memory);
    return operand('rm', width, { file: match[2] ? 'xmm' : 'gpr', memory });
  }
  match = /^m(\d+)(?:([:&])(\d+)|(byte))?$/.exec(text);
  if (match) {
    const bits = match[4] ? Number(match[1]) * 8 : Number(match[1]) + Number(match[3] ?? 0);
    return operand('memory', bits, { memory: bits });
  }
  match = /^(s?)imm(8|16|32|64)$/.exec(text);
  if (match) return operand('immediate', Number(match[2]), { signed: match[1] === 's' });
  match = /^rel(\d+)$/.exec(text);
  if (match) return operand('relative', Number(match[1]), { signed: true });
  match = /^moffs(\d+)$/.exec(text);
  if (match) return operand('offset', Number(match[1]), { memory: Number(match[1]) });
  match = /^ptr16:(\d+)$/.exec(text);
  if (match) return operand('far', Number(match[1]) + 16);
  throw new TypeError(`x86 table: ${row}: operand ${text} is not known`);
}

/** Registers that have no place but ModRM.reg. */
const SPECIAL = new Set<RegisterFile>(['segment', 'control', 'debug']);

/** Gives each operand its place: the memory or r/m one in ModRM.rm, the others in the order below. */
function placed(operands: readonly Unplaced[], encoding: Encoding): Operand[] {
  const special = operands.find((o) => o.file && SPECIAL.has(o.file) && o.kind === 'register');
  const registers = operands.filter((o) => o.kind === 'register');
  const inRm =
    operands.find((o) => o.kind === 'rm' || o.kind === 'memory') ??
    (special && encoding.modrm === 'register'
      ? registers.find((o) => o !== special)
      : encoding.modrm === 'register' && registers.length > 1
        ? registers[encoding.vex ? registers.length - 1 : 1]
        : encoding.modrm === 'digit'
          ? registers[registers.length - 1]
          : undefined);
  const free: Place[] =
    encoding.modrm === 'register'
      ? ['reg', 'vvvv']
      : encoding.modrm === 'digit'
        ? ['vvvv']
        : ['opcode'];
  return operands.map((operand) => ({ ...operand, place: place(operand) }));

  function place(operand: Unplaced): Place {
    if (operand === inRm && encoding.modrm !== 'byte') return 'rm';
    switch (operand.kind) {
      case 'register':
        return free.shift() ?? 'none';
      case 'immediate':
      case 'relative':
      case 'offset':
      case 'far':
        return 'immediate';
      default:
        return 'none';
    }
  }
}

const ARITHMETIC = [FLAG.OF, FLAG.SF, FLAG.ZF, FLAG.AF, FLAG.PF, FLAG.CF];
const LETTERS = 'oszapc';

function parseFlags(row: string, attributes: Attributes): Flags {
  const columns = attributes.flags ?? '------';
  if (!/^[-MU01]{6}$/.test(columns)) throw new TypeError(`x86 table: ${row}: flags ${columns}`);
  let written = named(row, attributes.writes);
  let undef = 0;
  let read = 0;
  ARITHMETIC.forEach((flag, n) => {
    if (columns[n] === 'U') undef |= flag;
    else if (columns[n] !== '-') written |= flag;
  });
  const reads = attributes.reads ?? '';
  if (/^[oszapcd]+$/.test(reads)) {
    for (const letter of reads) {
      read |= letter === 'd' ? FLAG.DF : (ARITHMETIC[LETTERS.indexOf(letter)] ?? 0);
    }
  } else read = named(row, reads);
  return { written, undefined: undef, read };
}

function named(row: string, names = ''): number {
  let mask = 0;
  for (const name of names.split(' ').filter(Boolean)) {
    if (!(name in FLAG)) throw new TypeError(`x86 table: ${row}: no flag ${name}`);
    mask |= FLAG[name as keyof typeof FLAG];
  }
  return mask;
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}
