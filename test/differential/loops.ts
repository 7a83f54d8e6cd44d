import type { Random } from '../random.ts';

/**
 * What wasm-opt's modules have few of: loops that count, over arrays. Text of a module whose functions
 * all end: no loop changes its own counter, and each has but a few rounds.
 */
export function loopModule(next: Random): string {
  const functions = Array.from({ length: 3 }, (_, index) => new Body(next, index).text());
  return `(module (memory (export "memory") 1) (global $g (export "global 0") (mut i32) (i32.const 7))
    (func $several (param i32 i64) (result i32 i64 i32)
      (i32.mul (local.get 0) (i32.const 5)) (i64.rotl (local.get 1) (i64.const 9))
      (i32.add (local.get 0) (i32.wrap_i64 (local.get 1))))
    ${functions.join('\n')})`;
}

/** Loops in one another: counters are locals of their own. */
const DEEPEST = 3;
/** Statements of a body at most, and operations of an expression in one another. */
const STATEMENTS = 4;
const OPERATIONS = 3;

const I32_BINARY = 'add sub mul and or xor shl shr_s shr_u rotl rotr lt_s lt_u ge_s ge_u eq ne';
const I64_BINARY = 'add sub mul and or xor shl shr_s shr_u rotl rotr';
const I32_UNARY = 'clz ctz popcnt eqz extend8_s extend16_s';
const I64_UNARY = 'clz ctz popcnt extend8_s extend16_s extend32_s';
const CONSTANTS = [0, 1, 2, 3, 4, 7, 8, 31, 32, 63, 100, 255, 256, -1, -2, -128, 0x7fff, 0x1_0000];
const EDGES = [0x7fff_ffff, -0x8000_0000, 0x7fff_fffe, 0x1234_5678];

class Body {
  readonly #next: Random;
  readonly #index: number;
  #labels = 0;
  /** Of the loops around, the innermost last: how deep, and the labels to leave it and to go on with it. */
  readonly #loops: { out: string; on: string }[] = [];

  constructor(next: Random, index: number) {
    this.#next = next;
    this.#index = index;
  }

  text(): string {
    const statements = this.#statements();
    return `(func $f${this.#index} (export "f${this.#index}") (param $a i32) (param $b i32) (param $c i64) (result i64)
      (local $i0 i32) (local $i1 i32) (local $i2 i32) (local $x i32) (local $y i32) (local $r i32) (local $z i64) (local $d f64)
      ${statements}
      ${this.#statement()}
      (i64.add (i64.xor (local.get $z) (i64.extend_i32_s (local.get $x)))
        (i64.add (i64.extend_i32_u (local.get $y)) (i64.trunc_sat_f64_s (local.get $d)))))`;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#next() % list.length] as T;
  }

  #word(words: string): string {
    return this.#pick(words.split(' '));
  }

  #statements(): string {
    const count = 1 + (this.#next() % STATEMENTS);
    return Array.from({ length: count }, () => this.#statement()).join('\n');
  }

  #statement(): string {
    const depth = this.#loops.length;
    const [i32, i64] = [() => this.#i32(OPERATIONS), () => this.#i64(OPERATIONS)];
    switch (this.#next() % (depth < DEEPEST ? 16 : 12)) {
      case 0:
        return `(local.set $y ${i32()})`;
      case 1:
        return `(local.set $z (i64.add (local.get $z) ${i64()}))`;
      case 2:
        return `(local.set $d (f64.add (f64.mul (local.get $d) (f64.const 0.5)) (f64.convert_i32_s ${i32()})))`;
      case 3:
        return `(${this.#word('i32.store i32.store8 i32.store16')} ${this.#address()} ${i32()})`;
      case 4:
        return `(${this.#word('i64.store i64.store8 i64.store32')} ${this.#address()} ${i64()})`;
      case 5:
        return `(if ${i32()} (then ${this.#statement()}) (else ${this.#statement()}))`;
      case 6:
        return `(global.set $g (i32.add (global.get $g) ${i32()}))`;
      case 7:
        return this.#jump();
      case 8:
        return this.#index > 0 && depth === 0
          ? `(local.set $z (call $f${this.#next() % this.#index} ${i32()} (local.get $b) ${i64()}))`
          : `(local.set $x (i32.xor (local.get $x) ${i32()}))`;
      case 9:
        return `(local.set $x (i32.add (local.get $x) ${i32()}))`;
      case 10:
        return this.#switch();
      case 11:
        return this.#several();
      default:
        return this.#loop(depth);
    }
  }

  /** A call with three results, of which not all need be wanted, and a sum with some of them. */
  #several(): string {
    const i64 = this.#pick(['(local.set $z)', '(local.set $z)', '(drop)']);
    const last = this.#pick(['(local.set $y)', '(drop)']);
    const [sum, leaf] = [this.#word('add xor or'), this.#i32(this.#next() % 2)];
    return `(call $several ${this.#i32(1)} ${this.#i64(1)}) ${last} ${i64} (local.set $r)
      (local.set $x (i32.${sum} (i32.${sum} (local.get $x) (local.get $r)) ${leaf}))`;
  }

  /** By a number below eight, now and then after a test of it. */
  #switch(): string {
    const label = `$s${this.#index}_${this.#labels++}`;
    const number = `(i32.and ${this.#i32(1)} (i32.const 7))`;
    const cases = [0, 1, 2, 3, 4, 5];
    const body = cases.map(() => `(local.set $y ${this.#i32(1)}) (br ${label})`);
    const test =
      this.#next() % 2 === 0 ? '' : `(br_if ${label} (i32.eq (local.get $x) (i32.const 6)))`;
    const start = `(local.set $x ${number}) ${test} (br_table ${cases.join(' ')} ${label} (local.get $x))`;
    const text = body.reduce((inner, each) => `(block ${inner}) ${each}`, start);
    return `(block ${label} ${text})`;
  }

  /** Leaves a loop around, or its round. */
  #jump(): string {
    if (this.#loops.length === 0) return '(nop)';
    const { out, on } = this.#pick(this.#loops);
    return `(br_if ${this.#next() % 2 ? out : on} ${this.#i32(OPERATIONS)})`;
  }

  /** Tested at the end or at the start, up or down, to a constant or to what a parameter says. */
  #loop(depth: number): string {
    const label = `$l${this.#index}_${this.#labels++}`;
    const [out, on] = [`${label}_out`, `${label}_on`];
    const counter = `$i${depth}`;
    const step = 1 + (this.#next() % 3);
    const rounds = this.#next() % (depth === 0 ? 20 : 6);
    const start = this.#pick([0, 0, 0, 1, 5, -3, 100, 0x7fff_ff00]);
    const isDown = this.#next() % 4 === 0;
    const isVaried = this.#next() % 3 === 0;
    const change = isDown ? -step : step;
    const last = start + change * rounds;
    const limit = isVaried
      ? `(i32.${isDown ? 'sub' : 'add'} (i32.const ${start}) (i32.and (local.get $b) (i32.const 15)))`
      : `(i32.const ${last})`;
    const exact = !isVaried && rounds > 0;
    const bounded = isDown ? 'gt_s ge_s' : start < 0 ? 'lt_s le_s' : 'lt_s lt_u le_s le_u';
    const compare = exact && this.#next() % 4 === 0 ? 'ne' : this.#word(bounded);
    const test = `(i32.${compare} (local.get ${counter}) ${limit})`;
    // As arrays' accessors check an index; it may fail.
    const check =
      this.#next() % 4 === 0
        ? `(if (i32.ge_u (local.get ${counter}) ${limit}) (then (unreachable)))`
        : '';
    this.#loops.push({ out, on });
    const body = `${check} (block ${on} ${this.#statements()})
      (local.set ${counter} (i32.add (local.get ${counter}) (i32.const ${change})))`;
    this.#loops.pop();
    const isTestedFirst = this.#next() % 2 === 0;
    const loop = isTestedFirst
      ? `(loop ${label} (br_if ${out} (i32.eqz ${test})) ${body} (br ${label}))`
      : `(loop ${label} ${body} (br_if ${label} ${test}))`;
    return `(local.set ${counter} (i32.const ${start})) (block ${out} ${loop})`;
  }

  /** In the first 8 KiB; now and then anywhere. */
  #address(): string {
    if (this.#next() % 64 === 0) return this.#i32(1);
    const index = this.#i32(1);
    const shift = this.#next() % 4;
    return `(i32.shl (i32.and ${index} (i32.const 1023)) (i32.const ${shift}))`;
  }

  #i32(depth: number): string {
    const leaf = this.#next() % 6;
    if (depth === 0 || leaf === 0) {
      const locals = ['$a', '$b', '$x', '$y', '$r', '$i0', '$i1', '$i2', '$i0', '$i1'];
      if (this.#next() % 3 > 0) return `(local.get ${this.#pick(locals)})`;
      return `(i32.const ${this.#pick(this.#next() % 8 ? CONSTANTS : EDGES)})`;
    }
    const operand = () => this.#i32(depth - 1);
    switch (this.#next() % 12) {
      case 0:
        return `(i32.${this.#word(I32_UNARY)} ${operand()})`;
      case 1:
        return `(${this.#word('i32.load i32.load8_s i32.load8_u i32.load16_u')} ${this.#address()})`;
      case 2:
        return `(select ${operand()} ${operand()} ${operand()})`;
      case 3:
        return `(i32.wrap_i64 ${this.#i64(depth - 1)})`;
      case 4:
        return `(i32.${this.#word('div_s div_u rem_s rem_u')} ${operand()} (i32.or ${operand()} (i32.const 1)))`;
      default:
        return `(i32.${this.#word(I32_BINARY)} ${operand()} ${operand()})`;
    }
  }

  #i64(depth: number): string {
    if (depth === 0 || this.#next() % 5 === 0) {
      if (this.#next() % 3 > 0) return `(local.get ${this.#pick(['$c', '$z'])})`;
      return `(i64.const ${this.#pick(CONSTANTS)})`;
    }
    const operand = () => this.#i64(depth - 1);
    switch (this.#next() % 8) {
      case 0:
        return `(i64.${this.#word(I64_UNARY)} ${operand()})`;
      case 1:
        return `(${this.#word('i64.load i64.load8_s i64.load32_u')} ${this.#address()})`;
      case 2:
        return `(i64.${this.#word('extend_i32_s extend_i32_u')} ${this.#i32(depth - 1)})`;
      default:
        return `(i64.${this.#word(I64_BINARY)} ${operand()} ${operand()})`;
    }
  }
}
