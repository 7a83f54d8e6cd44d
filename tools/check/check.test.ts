import { beforeAll, describe, expect, it } from 'vitest';
import { linksOf } from '../../test/differential/compare.ts';
import { generateModule } from '../../test/differential/generate.ts';
import { wat } from '../../test/wat.ts';
import { witness } from '../../test/witness.ts';
import { makeExecutable } from '../compiler/linux/executable.ts';
import { compileRuntime } from '../compiler/linux/runtime.ts';
import type { WasmObject } from '../compiler/object.ts';
import { checkImage } from './check.ts';
import type { Instruction } from './instruction.ts';
import { immediateOf, memoryOf, nameOf, Patient } from './patient.ts';
import { printViolation } from './report.ts';

const [RSP, R14, R15] = [4, 14, 15];

/** What the seeded breaks are made in: a function for each thing that has a rule. */
const module = `(module
  (type $unary (func (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (memory 1)
  (data $bytes "some bytes of a passive segment")
  (data $others "and bytes after them")
  (table $t 3 funcref)
  (table $grown 4 funcref)
  (elem (table $t) (i32.const 0) func $double $double $big)
  (elem $passive func $double $big)
  (global $g (mut i32) (i32.const 1))
  (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
  (func $big (result i64) (i64.const -1))
  (func $wrap (export "wrap") (param i64 i64 i64 i64 i64) (result i32)
    (i32.load (i32.wrap_i64 (local.get 4))))
  (func $choose (export "choose") (param i64 i64 i64 i64 i64 i32) (result i32)
    (i32.load
      (select (i32.wrap_i64 (local.get 4)) (i32.wrap_i64 (local.get 3)) (local.get 5))))
  (func $offset (export "offset") (param i32) (result i32)
    (i32.load offset=1000 (local.get 0)))
  (func $product (export "product") (param i32 i32 i32 i32 i32 i32) (result i32)
    (i32.load (i32.mul (local.get 4) (local.get 5))))
  (func $scaled (export "scaled") (param i32 i32) (result i32)
    (i32.load (i32.add (local.get 0) (i32.shl (local.get 1) (i32.const 2)))))
  (func $call (export "call") (param i32) (result i32)
    (call_indirect $t (type $unary) (i32.const 7) (local.get 0)))
  (func $switch (export "switch") (param i32) (result i32)
    (block (block (block (block (block (block
      (br_table 0 1 2 3 4 5 (local.get 0)))
      (return (i32.const 10))) (return (i32.const 11))) (return (i32.const 12)))
      (return (i32.const 13))) (return (i32.const 14))) (i32.const 15))
  (func $spill (export "spill") (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (drop (call $yield))
    ${sum(range(8).map((i) => `(i32.load (local.get ${i}))`))})
  (func $write (export "write") (param i32) (global.set $g (local.get 0)))
  (func $host (export "host") (result i32) (call $yield))
  (func $init (export "init") (param i32 i32 i32)
    (memory.init $bytes (local.get 0) (local.get 1) (local.get 2)))
  (func $fill (export "fill") (param i32 i32 i32)
    (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func $copy (export "copy") (param i32 i32 i32)
    (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func $elements (export "elements") (param i32 i32 i32)
    (table.init $grown $passive (local.get 0) (local.get 1) (local.get 2)))
  (func $frame (export "frame") (param i32) (result i32) ${bigFrame()})
)`;

/** A body with so much alive across a call that its frame takes up more than a page. */
function bigFrame(): string {
  const all = range(700);
  const locals = all.map((i) => `(local $l${i} i32)`).join(' ');
  const sets = all.map((i) => `(local.set $l${i} (i32.load offset=${4 * i} (local.get 0)))`);
  return `${locals} ${sets.join(' ')} (drop (call $yield)) ${sum(all.map((i) => `(local.get $l${i})`))}`;
}

function range(count: number): number[] {
  return [...Array(count).keys()];
}

function sum(terms: readonly string[]): string {
  return `${terms.join(' ')} ${'i32.add '.repeat(terms.length - 1)}`;
}

let runtime: WasmObject;
let patient: Patient;
beforeAll(async () => {
  runtime = await compileRuntime();
  patient = new Patient(makeExecutable({ wasm: wat(module) }, [], runtime));
});

/** The rules that a file breaks, each with the function where it does. */
function broken(file: Uint8Array): string[] {
  return checkImage(file).violations.map(printViolation);
}

const isMove = (instruction: Instruction) => nameOf(instruction) === 'mov';
const isJump = (instruction: Instruction) => nameOf(instruction) === 'jcc';
const isCall = (instruction: Instruction) => nameOf(instruction) === 'call';
const usesMemory = (instruction: Instruction) => memoryOf(instruction)?.base === R14;
const isCompare = (instruction: Instruction) => nameOf(instruction) === 'cmp';
const sameName = (a: Instruction, b: Instruction) => nameOf(a) === nameOf(b);
const target = ({ operands }: Instruction) =>
  operands[0]?.kind === 'target' ? operands[0].address : undefined;

/** A conditional jump that is never taken where it must be. */
const neverTaken = (changed: Instruction, original: Instruction) =>
  isJump(changed) &&
  target(changed) === target(original) &&
  changed.row.effect.condition === (original.row.effect.condition ^ 1);

describe('what the compiler makes', () => {
  it('keeps every rule', () => {
    expect(broken(patient.file)).toEqual([]);
  });

  const wasmOpt = witness('wasm-opt');
  it.skipIf(!wasmOpt)('keeps every rule whatever the module (wasm-opt)', () => {
    const levels = ['x86-64', 'x86-64-v2', 'x86-64-v3'] as const;
    for (let seed = 100; seed < 124; seed++) {
      const wasm = generateModule(wasmOpt ?? '', seed);
      const file = makeExecutable({ wasm }, linksOf(wasm), runtime, levels[seed % 3]);
      expect(broken(file), `TACIT_SEED=${seed}`).toEqual([]);
    }
  });

  const initializes = (kind: string, table: string, segment: string) => `(module
    (memory 1) (table $t 4 ${table}) (func $f) ${segment}
    (func (export "f") (param i32 i32 i32)
      (${kind} (local.get 0) (local.get 1) (local.get 2))))`;
  const imports = (what: string, rest: string) =>
    `(module (import "other" "g" (global ${what})) (memory 1) ${rest})`;

  it.each([
    ['no more', initializes('memory.init $s', 'funcref', '(data $s (i32.const 0) "abc")')],
    ['empty', initializes('memory.init $s', 'funcref', '(data $s "")')],
    ['of no use', initializes('table.init $t $s', 'funcref', '(elem $s declare func $f)')],
    ['applied', initializes('table.init $t $s', 'funcref', '(elem $s (i32.const 0) func $f)')],
    [
      'of references to the outside',
      initializes('table.init $t $s', 'externref', '(elem $s externref (ref.null extern))'),
    ],
    ['at a place that is imported', imports('i32', '(data (global.get 0) "abc")')],
    [
      'at a place that is computed',
      imports('i32', '(data (i32.add (global.get 0) (i32.const 4)) "d")'),
    ],
    [
      'of elements at such a place',
      imports('i32', '(table 10 funcref) (func $f) (elem (global.get 0) $f)'),
    ],
    [
      'of imported references',
      imports('externref', '(table 9 externref) (elem (i32.const 0) externref (global.get 0))'),
    ],
    [
      'of imported functions',
      imports('funcref', '(table 9 funcref) (elem (i32.const 0) funcref (global.get 0))'),
    ],
  ])('keeps every rule with a segment that is %s', (_, text) => {
    const type = /\(global (\w+)\)/.exec(text)?.[1] ?? 'i32';
    const value = type === 'i32' ? '(i32.const 7)' : `(ref.null ${type.replace('ref', '')})`;
    const links = [{ name: 'other', wasm: wat(`(module (global (export "g") ${type} ${value}))`) }];
    expect(broken(makeExecutable({ wasm: wat(text) }, links, runtime))).toEqual([]);
  });

  it('keeps every rule behind a call with stack arguments that never returns', () => {
    const text = `(module (table 1 funcref) (elem (i32.const 0) $trap)
      (type $t (func (param i64 i64 i64 i64 i64 i64 i64) (result i64)))
      (func $trap (type $t) (unreachable))
      (func (export "f") (param i64 i32) (result i64)
        (call_indirect (type $t) ${'(local.get 0) '.repeat(7)} (local.get 1))))`;
    expect(broken(makeExecutable({ wasm: wat(text) }, [], runtime))).toEqual([]);
  });

  it('keeps every rule where one of linked instances jumps through a table', () => {
    const other = wat('(module (memory 1) (func (export "g") (result i32) (memory.size)))');
    const text = `(module (import "other" "g" (func $g (result i32))) (memory 1)
      (type $t (func (param i32) (result i32))) (table 1 funcref) (elem (i32.const 0) $f)
      (func $f (export "f") (type $t) (i32.load (local.get 0)))
      (func $jump (param i32) (result i32)
        (return_call_indirect (type $t) (i32.load (local.get 0)) (call $g)))
      (func (export "h") (param i32) (result i32)
        (i32.add (call $jump (local.get 0)) (i32.load (local.get 0)))))`;
    const links = [{ name: 'other', wasm: other }];
    expect(broken(makeExecutable({ wasm: wat(text) }, links, runtime))).toEqual([]);
  });

  it('keeps every rule in instances that are linked', () => {
    const other = `(module (memory 1) (global (export "g") (mut i32) (i32.const 3))
      (table (export "t") 2 funcref) (elem (i32.const 0) $f)
      (func $f (export "f") (param i32) (result i32) (i32.load (local.get 0))))`;
    const main = `(module
      (import "other" "f" (func $f (param i32) (result i32)))
      (import "other" "g" (global $g (mut i32)))
      (import "other" "t" (table 2 funcref))
      (memory 1)
      (func (export "g") (param i32) (result i32)
        (global.set $g (i32.load (call_indirect (param i32) (result i32) (local.get 0) (local.get 0))))
        (i32.load (call $f (local.get 0)))))`;
    const links = [{ name: 'other', wasm: wat(other) }];
    expect(broken(makeExecutable({ wasm: wat(main) }, links, runtime))).toEqual([]);
  });
});

/** References to functions in every place where one can be, and calls in place of returns. */
const references = `(module
  (type $many (func (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory 1)
  (table $t (export "t") 4 100 funcref)
  (table $e 3 externref)
  (global $g (mut funcref) (ref.null func))
  (elem declare func $a $b)
  (elem $p funcref (ref.func $a) (ref.null func))
  (func $a (result i32) (i32.const 1))
  (func $b (param funcref i32) (result funcref) (local.get 0))
  (func $last (type $many) (i32.load (local.get 7)))
  (func $one (param i32) (result i32) (i32.load (local.get 0)))
  (func $set (export "set") (param i32 funcref) (table.set $t (local.get 0) (local.get 1)))
  (func (export "get") (param i32) (result funcref) (table.get $t (local.get 0)))
  (func (export "move") (param i32 i32)
    (table.set $t (local.get 0) (call $b (table.get $t (local.get 1)) (i32.const 1))))
  (func $global (export "global") (param i32)
    (table.set $t (local.get 0) (global.get $g))
    (global.set $g (ref.func $a)))
  (func (export "select") (param i32)
    (table.set $t (local.get 0)
      (select (result funcref) (global.get $g) (ref.func $b) (local.get 0))))
  (func $grow (export "grow") (param i32) (result i32)
    (table.grow $t (global.get $g) (local.get 0)))
  (func (export "fill") (param i32 funcref i32)
    (table.fill $t (local.get 0) (local.get 1) (local.get 2)))
  (func (export "host") (param i32 externref) (table.set $e (local.get 0) (local.get 1)))
  (func (export "copy") (param i32 i32 i32)
    (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
  (func (export "call") (param i32) (result i32) (call_indirect $t (result i32) (local.get 0)))
  (func $tail (export "tail") (param i32) (result i32)
    (return_call $last ${'(local.get 0) '.repeat(8)}))
  (func (export "fewer") (type $many) (return_call $one (local.get 7)))
  (func (export "through") (param i32) (result i32)
    (return_call_indirect $t (type $many) ${'(local.get 0) '.repeat(9)}))
)`;

describe('references and calls in place of returns', () => {
  let other: Patient;
  beforeAll(() => {
    other = new Patient(makeExecutable({ wasm: wat(references) }, [], runtime));
  });

  it('keep every rule', () => {
    expect(broken(other.file)).toEqual([]);
  });

  it('do not, if the halves of an entry are not of one record', () => {
    const file = other.change(
      'main!set',
      (each) =>
        isMove(each) && each.operands[1]?.kind === 'memory' && memoryOf(each)?.displacement === 8,
      (each, original) =>
        sameName(each, original) &&
        memoryOf(each)?.base === memoryOf(original)?.base &&
        memoryOf(each)?.displacement === 0,
    );
    expect(broken(file).join()).toMatch(/a store to a table of what is no entry/);
  });

  it('do not, if half of an entry goes elsewhere', () => {
    const file = other.change(
      'main!set',
      (each) =>
        isMove(each) && each.operands[0]?.kind === 'memory' && memoryOf(each)?.displacement === 8,
      (each, original) =>
        sameName(each, original) &&
        memoryOf(each)?.base === memoryOf(original)?.base &&
        memoryOf(each)?.displacement === 0,
    );
    expect(broken(file).join()).toMatch(/half an entry|no entry/);
  });

  it('do not, if a global is given what is no reference', () => {
    const addresses = other.instructions('main!global').filter((each) => nameOf(each) === 'lea');
    const file = other.change(
      'main!global',
      (each) => each.address === addresses.at(-1)?.address,
      (each, original) =>
        sameName(each, original) &&
        memoryOf(each)?.displacement === (memoryOf(original)?.displacement ?? 0) + 1,
    );
    expect(broken(file)).not.toEqual([]);
  });

  it('do not, if the routine for growing tables gets another address', () => {
    const file = other.change(
      'main!grow',
      (each) => nameOf(each) === 'lea' && memoryOf(each)?.relative === true,
      (each, original) => isMove(each) && each.next === original.next,
    );
    expect(broken(file)).not.toEqual([]);
  });

  it('do not, if the routine for growing tables calls something else', () => {
    const file = other.change(
      'main!table.grow',
      isCall,
      (each, original) => isCall(each) && target(each) !== target(original),
    );
    expect(broken(file).join()).toMatch(/in main!table\.grow/);
  });

  it('do not, if a return address is moved to the wrong place', () => {
    const file = other.change(
      'main!tail',
      (each) => nameOf(each) === 'lea' && memoryOf(each)?.base === RSP,
      (each, original) =>
        sameName(each, original) &&
        memoryOf(each)?.base === RSP &&
        memoryOf(each)?.displacement !== memoryOf(original)?.displacement,
    );
    expect(broken(file).join()).toMatch(/in main!tail/);
  });
});

describe('a byte changed', () => {
  const UNPROVEN = /not shown to lie within the sandbox/;

  it('makes 64 bits of an index out of 32 (CVE-2026-34987)', () => {
    const file = patient.change(
      'main!wrap',
      (each) => isMove(each) && each.row.effect.width === 32 && !memoryOf(each),
      (each, original) => sameName(each, original) && each.row.effect.width === 64,
    );
    expect(broken(file).join()).toMatch(/in main!wrap.*not shown to lie within the sandbox/);
  });

  it('chooses all 64 bits for an i32', () => {
    const file = patient.change(
      'main!choose',
      (each) => nameOf(each) === 'cmovcc',
      (each, original) => sameName(each, original) && each.row.effect.width === 64,
    );
    expect(broken(file).join()).toMatch(/in main!choose.*not shown to lie within the sandbox/);
  });

  it('takes another base than r14', () => {
    const file = patient.change(
      'main!offset',
      usesMemory,
      (each, original) => sameName(each, original) && memoryOf(each)?.base === R15,
    );
    expect(broken(file).join()).toMatch(UNPROVEN);
  });

  it('makes an offset negative', () => {
    const file = patient.change(
      'main!offset',
      usesMemory,
      (each) => memoryOf(each)?.base === R14 && (memoryOf(each)?.displacement ?? 0) < 0,
    );
    expect(broken(file).join()).toMatch(UNPROVEN);
  });

  it('scales an index of 32 bits (CVE-2023-26489)', () => {
    const file = patient.change(
      'main!scaled',
      usesMemory,
      (each) => memoryOf(each)?.base === R14 && memoryOf(each)?.scale === 8,
    );
    expect(broken(file).join()).toMatch(UNPROVEN);
  });

  it('does not wrap a product to 32 bits', () => {
    const file = patient.change(
      'main!product',
      (each) => nameOf(each).startsWith('imul') && each.row.effect.width === 32,
      (each, original) => sameName(each, original) && each.row.effect.width === 64,
    );
    expect(broken(file).join()).toMatch(UNPROVEN);
  });

  it('extends the sign of a spilled index (CVE-2021-32629)', () => {
    const file = patient.change(
      'main!spill',
      (each) => isMove(each) && each.operands[1]?.kind === 'memory',
      (each) => nameOf(each) === 'movsxd' && each.row.effect.width === 64,
    );
    expect(broken(file).join()).toMatch(UNPROVEN);
  });

  it('reads a spill slot at the wrong place', () => {
    const file = patient.change(
      'main!frame',
      (each) => memoryOf(each)?.base === RSP && (memoryOf(each)?.displacement ?? 0) > 4096,
      (each, original) =>
        sameName(each, original) &&
        memoryOf(each)?.base === RSP &&
        (memoryOf(each)?.displacement ?? 0) > 0x10_0000,
    );
    expect(broken(file).join()).toMatch(
      /in main!frame: an access to the stack above the arguments/,
    );
  });

  it('leaves out the check of an index into a table', () => {
    const file = patient.change('main!call', isJump, neverTaken);
    expect(broken(file).join()).toMatch(/in main!call/);
  });

  it('leaves out the check of a type', () => {
    const [, second] = patient.instructions('main!call').filter(isJump);
    const file = patient.change(
      'main!call',
      (each) => each.address === second?.address,
      neverTaken,
    );
    expect(broken(file).join()).toMatch(/an indirect call without a check of the type/);
  });

  it('checks for another type (signature confusion)', () => {
    // 8 bytes of the result: what the callers of the right type take for 4.
    const file = patient.change(
      'main!call',
      (each) => isCompare(each) && memoryOf(each) !== undefined,
      (each, original) =>
        memoryOf(each)?.displacement !== memoryOf(original)?.displacement &&
        memoryOf(each)?.base === memoryOf(original)?.base &&
        immediateOf(each) === immediateOf(original),
    );
    expect(broken(file)).not.toEqual([]);
  });

  it('lets an index go beyond its table', () => {
    const file = patient.change(
      'main!call',
      (each) => isCompare(each) && immediateOf(each) === 3,
      (each) => isCompare(each) && immediateOf(each) === 3 + 128,
    );
    expect(broken(file).join()).toMatch(/in main!call/);
  });

  it('lets a case go beyond its jump table', () => {
    const file = patient.change(
      'main!switch',
      (each) => isCompare(each) && immediateOf(each) === 5,
      (each) => isCompare(each) && immediateOf(each) === 69,
    );
    expect(broken(file).join()).toMatch(
      /a jump table that leads out of the function|jump tables overlap/,
    );
  });

  it('leaves out the check of a case', () => {
    const file = patient.change('main!switch', isJump, neverTaken);
    expect(broken(file).join()).toMatch(/a jump through a table without a bound/);
  });

  it('leaves out a probe of the stack', () => {
    const file = patient.change(
      'main!frame',
      (each) => nameOf(each) === 'test' && memoryOf(each)?.base === RSP,
      (each) =>
        nameOf(each) === 'test' &&
        memoryOf(each)?.base === RSP &&
        (memoryOf(each)?.displacement ?? -4096) > -1024,
    );
    expect(broken(file).join()).toMatch(/beyond the guard page/);
  });

  it('makes a frame of another size on the way in than on the way out', () => {
    const file = patient.change(
      'main!frame',
      (each) => nameOf(each) === 'sub' && immediateOf(each) !== undefined,
      (each, original) =>
        nameOf(each) === 'sub' && immediateOf(each) === (immediateOf(original) ?? 0) + 8,
    );
    expect(broken(file).join()).toMatch(/in main!frame/);
  });

  it('restores another register than the one that was saved', () => {
    const file = patient.change(
      'main!frame',
      (each) => nameOf(each) === 'pop',
      (each) => nameOf(each) === 'pop',
    );
    expect(broken(file).join()).toMatch(/relies on is not restored|r14 is written|stack pointer/);
  });

  it('writes r14', () => {
    const file = patient.change(
      'main!wrap',
      (each) => isMove(each) && !memoryOf(each),
      (each) =>
        isMove(each) && each.operands[0]?.kind === 'register' && each.operands[0].number === R14,
    );
    expect(broken(file).join()).toMatch(/r14 is written/);
  });

  it.each([
    ['hlt', 'halts', 'push'],
    ['cli', 'masks interrupts', 'push'],
    ['in', 'reads a port', 'push'],
    ['syscall', 'calls Linux', 'ud'],
  ])('puts in %s, which %s', (name, _, instead) => {
    const file = patient.change(
      'main!call',
      (each) => nameOf(each) === instead || (instead === 'push' && nameOf(each) === 'ret'),
      (each) => nameOf(each) === name,
    );
    expect(broken(file).join()).toMatch(/a privileged or intercepted instruction|not allowed/);
  });

  it('calls into the middle of a function', () => {
    const file = patient.change(
      'main!host',
      (each) => isCall(each) || nameOf(each) === 'jmp',
      (each, original) => sameName(each, original) && target(each) === (target(original) ?? 0) + 1,
    );
    expect(broken(file).join()).toMatch(/not the start of a function/);
  });

  it('jumps into the middle of an instruction', () => {
    const file = patient.change(
      'main!switch',
      isJump,
      (each, original) => isJump(each) && target(each) === (target(original) ?? 0) + 1,
    );
    expect(broken(file)).not.toEqual([]);
  });

  it('runs out of a function', () => {
    const file = patient.change(
      'main!offset',
      (each) => nameOf(each) === 'ret',
      (each) => nameOf(each) === 'nop',
    );
    expect(broken(file).join()).toMatch(/control runs out of the function|not the start/);
  });

  it("calls the run-time in another's name", () => {
    const file = patient.change(
      'main!host',
      (each) => ['xor', 'mov'].includes(nameOf(each)),
      (each) =>
        nameOf(each) === 'sub' ||
        (isMove(each) && immediateOf(each) === 1) ||
        nameOf(each) === 'or',
    );
    expect(broken(file).join()).toMatch(/under another number/);
  });

  it('stores to the record of the memory', () => {
    const record = checkImage(patient.file).compartments.find(
      ({ compartment }) => compartment.name === 'main',
    )?.compartment.record;
    const at = (each: Instruction) => each.next + (memoryOf(each)?.displacement ?? 0);
    const near = (each: Instruction) =>
      memoryOf(each)?.relative && at(each) >= (record ?? 0) && at(each) < (record ?? 0) + 16;
    const file = patient.change(
      'main!write',
      (each) => memoryOf(each)?.relative === true,
      (each, original) => sameName(each, original) && near(each) === true,
    );
    expect(broken(file).join()).toMatch(/a store to the memory record of main/);
  });

  it.each([
    ['main!init', 'a data segment'],
    ['main!elements', 'an element segment'],
  ])('leaves out the check in %s of a range of %s', (name) => {
    const file = patient.change(name, isJump, neverTaken);
    expect(broken(file).join()).toMatch(/a string instruction that is not shown/);
  });

  it('adds no base to where memory is filled', () => {
    const file = patient.change(
      'main!fill',
      (each) => nameOf(each) === 'add' && each.row.effect.width === 64,
      (each) => nameOf(each) === 'sub' || nameOf(each) === 'xor',
    );
    expect(broken(file).join()).toMatch(/bytes are set that are not shown/);
  });

  it('adds no base to where memory is copied', () => {
    const file = patient.change(
      'main!copy',
      (each) => nameOf(each) === 'add' && each.row.effect.width === 64,
      (each) => nameOf(each) === 'sub' || nameOf(each) === 'xor',
    );
    expect(broken(file).join()).toMatch(/a copy that is not shown/);
  });

  it.each(['copy', 'fill'])('changes the routine memory.%s, which was reviewed', (name) => {
    const file = patient.change(`main!memory.${name}`, isCompare, (each) => isCompare(each));
    expect(broken(file).join()).toMatch(new RegExp(`in main!memory\\.${name}`));
  });

  it('changes the record of a function', () => {
    const type = patient
      .instructions('main!call')
      .find((each) => isCompare(each) && memoryOf(each) !== undefined);
    const at = memoryOf(type as Instruction)?.displacement ?? 0;
    expect(broken(patient.poke(at - 8, 1)).join()).toMatch(/no record of a function/);
  });
});
