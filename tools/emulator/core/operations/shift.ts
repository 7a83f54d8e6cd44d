import type { Operation } from './operation.ts';
import { flags, NEXT, register, setRegister, type Width } from './parts.ts';

/** Counts: an immediate, or CL. */
const COUNTS = { i: 'load<u8>(p, 8)', r8: 'load<u8>(REGISTERS + 8)' } as const;

/** Shifts and rotates of registers by an immediate or CL, for the sizes that compilers use. */
function shiftsOf(width: Width, letter: string, count: string): Operation[] {
  const type = `u${width}`;
  const last = width - 1;
  const operands = `const n: ${type} = <${type}>(${count}) & ${last};
    const a: ${type} = ${register(width, 2)};`;
  // A count of zero leaves the flags as they are; 32 bits clear the upper half all the same.
  const none = `if (n === 0) { ${width === 32 ? setRegister(32, 'a') : ''} ${NEXT} }`;
  const operation = (name: string, value: string, rest: string): Operation[] => {
    const key = `${name}.${width}.r${letter}`;
    const compute = `const c: ${type} = ${value}; ${setRegister(width, 'c')}`;
    return [
      { key, body: `${operands} ${none} ${compute} ${rest} ${NEXT}`, flags: 'changes' },
      { key: `${key}.quiet`, body: `${operands} ${compute} ${NEXT}` },
    ];
  };
  const shift = (name: string, value: string, carry: string, over: string) =>
    operation(
      name,
      value,
      `const carry: ${type} = ${carry}; ${flags.partial(width, 'carry', over)}`,
    );
  // Rotates change CF and OF alone: what the others stem from is kept, and worked out if need be.
  const rotate = (name: string, value: string, carry: string, over: string) =>
    operation(
      name,
      value,
      `if ((kind & 0xff) < PARTIAL) {
         bits = partial(kind, result, first, second, bits);
         kind = PARTIAL | (kind & 0xff00);
       }
       first = 0; second = <u64>(${carry});
       bits = (bits & ~0x800) | (<u32>(${over}) << 11);`,
    );
  const signed = `<${type}>((<i${width}>a) >> <i${width}>n)`;
  const topTwo = `((c >> ${last}) ^ (c >> ${last - 1})) & 1`;
  return [
    ...shift('shl', 'a << n', `(a >> (${width} - n)) & 1`, `(c >> ${last}) ^ carry`),
    ...shift('shr', 'a >> n', '(a >> (n - 1)) & 1', `a >> ${last}`),
    ...shift('sar', signed, `<${type}>((<i${width}>a) >> <i${width}>(n - 1)) & 1`, '0'),
    ...rotate('rol', `rotl<${type}>(a, n)`, 'c & 1', `((c >> ${last}) ^ c) & 1`),
    ...rotate('ror', `rotr<${type}>(a, n)`, `c >> ${last}`, topTwo),
  ];
}

export const shifts: readonly Operation[] = [
  ...shiftsOf(32, 'i', COUNTS.i),
  ...shiftsOf(32, 'r8', COUNTS.r8),
  ...shiftsOf(64, 'i', COUNTS.i),
  ...shiftsOf(64, 'r8', COUNTS.r8),
];
