import { FIRST_OPERATION, OPERATIONS } from './operations/table.ts';

/**
 * The interpreter as AssemblyScript: one function with one switch, because on V8 a call for each
 * instruction is two to three times slower. The flags and the fuel are its locals.
 *
 * `fuel` is how many instructions may still be executed when the current block begins, less
 * BLOCK_MAX: as long as it is not negative, a whole block fits.
 */
export function interpreterSource(): string {
  const cases = OPERATIONS.map(
    ({ key, body }, i) => `case ${FIRST_OPERATION + i}: { // ${key}\n${body}\n}`,
  );
  return `${HEAD}${cases.join('\n')}${TAIL}`;
}

const HEAD = `
import { RFLAGS_ZF } from '../../../../spec/cpu';
import { TLB_EXECUTE, TLB_READ, TLB_WRITE } from '../memory-map';
import { BOUNCE_END, finishWrite, modifyPointer, readPointer, writeMemory, writePointer } from './access';
import { stillAcross } from './across';
import { computeAddress } from './address';
import { follow, followTo } from './block';
import { BLOCK_MAX } from './code';
import { PAGE_SLOTS } from './code-page';
import { FIRST as REGISTERS, INSTRUCTIONS, RFLAGS, RIP, XMM } from './cpu';
import { missing, raiseGp, raiseUd } from './fault';
import {
  ADD, ARITHMETIC, arithmetic, DEC, FULL, INC, less, LOGIC, overflow, PARTIAL, parity, partial, SUB,
} from './flags';
import { usableSse } from './floating-point';
import { highSigned } from './integer';
import {
  EXCEPTION, EXIT, extraIterations, NONE, pending, setPending, STOP,
} from './machine';
import { throughStack } from './operand';
import { ACROSS, ADDRESS, END, nextOf, ripOf, SLOW, STALE, TOO_LONG, UNDEFINED, UNKNOWN } from './record';
import { slow } from './slow';
import {
  ADD as FLOAT_ADD, built, DIV as FLOAT_DIV, double, MUL as FLOAT_MUL, orderFlags, single,
  SQRT as FLOAT_SQRT, SUB as FLOAT_SUB, toInteger,
} from './sse-float';
import { PAGE_MASK } from './tlb';

const MISSING_ROW: u32 = 2;

/** Executes from the record at \`p\` on, until something is pending; \`end\`: instruction count to stop at. */
export function interpret(p: usize, end: u64): void {
  let fuel: i64 = <i64>(end - load<u64>(INSTRUCTIONS)) - <i64>BLOCK_MAX;
  let bits: u32 = load<u32>(RFLAGS);
  let result: u64 = (bits & RFLAGS_ZF) !== 0 ? 0 : 1;
  let first: u64 = 0;
  let second: u64 = bits & 1;
  let kind: u32 = FULL;
  while (true) {
    switch (<i32>load<u16>(p)) {
      case <i32>STALE: {
        const rip = ripOf(p);
        fuel -= <i64>load<u8>(p, 7) - 1;
        if (fuel < 0) { store<u64>(RIP, rip); setPending(STOP); break; }
        p = followTo(rip);
        if (p === 0) break;
        continue;
      }
      case <i32>END: {
        fuel -= <i64>load<u8>(p, 7) - 1;
        if (fuel < 0) { store<u64>(RIP, load<u64>(p, 8)); setPending(STOP); break; }
        let to: usize = load<u32>(p, 20);
        if (to === 0 || load<u32>(load<u32>(to, 28), 8) === 0) { to = follow(p); if (to === 0) break; }
        p = to;
        continue;
      }
      case <i32>SLOW: {
        store<u64>(RFLAGS, (load<u64>(RFLAGS) & ~(<u64>ARITHMETIC)) | arithmetic(kind, result, first, second, bits));
        store<u64>(RIP, ripOf(p));
        const before: u64 = end - <u64>(fuel + <i64>BLOCK_MAX) + load<u8>(p, 7) - 1;
        store<u64>(INSTRUCTIONS, before);
        slow(p, end - before);
        bits = load<u32>(RFLAGS);
        result = (bits & RFLAGS_ZF) !== 0 ? 0 : 1;
        first = 0;
        second = bits & 1;
        kind = FULL;
        if (pending !== NONE) {
          fuel = <i64>(end - load<u64>(INSTRUCTIONS)) - <i64>BLOCK_MAX;
          break;
        }
        if (extraIterations !== 0) {
          fuel -= <i64>extraIterations;
          if (fuel < 0) {
            fuel -= <i64>load<u8>(p, 7);
            store<u64>(RIP, nextOf(p));
            setPending(STOP);
            break;
          }
        }
        p += 32;
        continue;
      }
      case <i32>ADDRESS: {
        if (!computeAddress(p)) break;
        p += 32;
        continue;
      }
      case <i32>ACROSS: {
        if (!stillAcross(p)) break;
        if (load<u16>(p) === ACROSS) p += 32;
        continue;
      }
      case <i32>UNDEFINED: {
        raiseUd();
        break;
      }
      case <i32>UNKNOWN: {
        missing(MISSING_ROW);
        break;
      }
      case <i32>TOO_LONG: {
        raiseGp(0);
        break;
      }
`;

const TAIL = `
      default:
        unreachable();
    }
    break;
  }
  store<u64>(RFLAGS, (load<u64>(RFLAGS) & ~(<u64>ARITHMETIC)) | arithmetic(kind, result, first, second, bits));
  let count = end - <u64>(fuel + <i64>BLOCK_MAX);
  if (pending === EXCEPTION || pending === EXIT) {
    store<u64>(RIP, ripOf(p));
    count += <u64>load<u8>(p, 7) - 1;
  }
  store<u64>(INSTRUCTIONS, count);
}
`;
