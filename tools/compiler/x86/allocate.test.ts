import { describe, expect, it } from 'vitest';
import { generateModule } from '../../../test/differential/generate.ts';
import { chosenSeed } from '../../../test/random.ts';
import { wat } from '../../../test/wat.ts';
import { witness } from '../../../test/witness.ts';
import { buildFn } from '../ir/build.ts';
import { makeContext } from '../ir/context.ts';
import { removeDeadCode } from '../ir/dce.ts';
import { ValueNumbering } from '../ir/gvn.ts';
import { layOut } from '../ir/layout.ts';
import { findLoops } from '../ir/loops.ts';
import { lower } from '../ir/lower.ts';
import { lowerVectors } from '../ir/lower-vector.ts';
import { removeTrivialPhis } from '../ir/phis.ts';
import { decode } from '../wasm/decode.ts';
import { validate } from '../wasm/validate.ts';
import { Allocator } from './allocate.ts';
import { checkAllocation } from './check-allocation.ts';
import { ConstantPool } from './constants.ts';
import { type MachineFn, SLOT } from './machine.ts';
import { select } from './select.ts';
import { makeTarget } from './target.ts';

const target = makeTarget('basereg', 'x86-64');
const allocator = new Allocator(target);
const numbering = new ValueNumbering();

/** The functions of a module, selected. */
function selected(wasm: Uint8Array): MachineFn[] {
  const module = decode(wasm);
  validate(module);
  const bindings = module.imports.map(({ name }) => ({ kind: 'symbol', symbol: name }) as const);
  const names = module.functions.map((_, i) => `f${i}`);
  const context = makeContext(module, bindings, names, { instance: 'm' });
  return module.functions.flatMap(({ body }, index) => {
    if (!body) return [];
    const fn = buildFn(context, index, body);
    removeTrivialPhis(fn);
    lower(fn, { hasPopulationCount: false, hasWholeMemory: false });
    lowerVectors(fn, { v2: false, avx: false });
    numbering.run(fn);
    removeDeadCode(fn);
    findLoops(fn);
    layOut(fn);
    return [select(fn, context, target, new ConstantPool())];
  });
}

const MANY = 16;
const FLOATS = [MANY, MANY + 1] as const;
const RESULT = MANY + 2;
const each = (make: (i: number) => string) =>
  Array.from({ length: MANY }, (_, i) => make(i)).join('\n');

/** More values than there are registers, live across calls, divisions, bit scans and a loop. */
const crowded = wat(`(module
  (memory 1)
  (func $call (param i64 f64) (result i64) (local.get 0))
  (func (param ${'i64 '.repeat(MANY)} f64 f64) (result i64) (local i64)
    (loop $again
      ${each((i) => {
        const next = (i + 1) % MANY;
        return `(local.set ${i} (i64.rem_s (i64.mul (i64.clz (local.get ${i})) (local.get ${next}))
          (i64.shl (i64.or (local.get ${next}) (i64.const 3)) (local.get ${RESULT}))))`;
      })}
      (local.set ${RESULT} (call $call (i64.rotl (local.get 0) (local.get 9))
        (f64.add (local.get ${FLOATS[0]}) (local.get ${FLOATS[1]}))))
      (local.set ${FLOATS[0]} (f64.min (local.get ${FLOATS[0]}) (f64.convert_i64_u (local.get 3))))
      (br_if $again (i64.lt_u (local.get ${RESULT}) (local.get 7))))
    ${'(i64.add '.repeat(MANY - 1)}
    ${each((i) => `(local.get ${i})`)} ${')'.repeat(MANY - 1)}))`);

/** Bit scans, each with a temporary, while as many values as there are registers are wanted at once. */
const scanning = (count: number) =>
  wat(`(module (memory 1) (func (param i64 i64) (local ${'i64 '.repeat(count)})
    ${Array.from({ length: count }, (_, i) => {
      return `(local.set ${i + 2} (i64.mul (local.get 0) (i64.load (i32.const ${8 * i}))))`;
    }).join('\n')}
    ${Array.from({ length: count }, (_, i) => {
      return `(i64.store (i32.const ${8 * i})
        (i64.xor (i64.clz (local.get ${i + 2})) (local.get ${((i + 1) % count) + 2})))`;
    }).join('\n')}
    ${Array.from({ length: count }, (_, i) => {
      return `(i64.store (i32.const ${8 * i}) (local.get ${i + 2}))`;
    }).join('\n')}))`);

describe('register allocation', () => {
  it('keeps every value where its uses find it, with more values than registers', () => {
    for (const fn of selected(crowded)) {
      allocator.run(fn);
      checkAllocation(fn);
    }
  });

  it('keeps temporaries apart from results when no register is free', () => {
    for (let count = 8; count < 18; count++) {
      for (const fn of selected(scanning(count))) {
        allocator.run(fn);
        checkAllocation(fn);
      }
    }
  });

  it('spills where registers do not suffice, and only there', () => {
    const [small, large] = selected(crowded).map((fn) => {
      allocator.run(fn);
      return fn.slots;
    });
    expect(small).toBe(0);
    expect(large).toBeGreaterThan(0);
  });

  it('lets a call read from a register that it destroys what is needed after it too', () => {
    const [, fn] = selected(
      wat(`(module (memory 1) (func $call (param f64 f64)) (func (param i32) (result f64) (local f64)
        (local.set 1 (f64.load (local.get 0)))
        (call $call (local.get 1) (f64.load offset=8 (local.get 0)))
        (f64.sqrt (local.get 1))))`),
    );
    allocator.run(fn as MachineFn);
    checkAllocation(fn as MachineFn);
    const call = fn?.blocks[0]?.insts.find(({ kind }) => kind.name === 'call');
    expect(call?.useAt[0]).toBeLessThan(SLOT);
  });

  const wasmOpt = witness('wasm-opt');
  const seed = chosenSeed();
  it.skipIf(!wasmOpt)(`keeps generated functions right, TACIT_SEED=${seed} (wasm-opt)`, () => {
    for (let i = 0; i < 8; i++) {
      for (const fn of selected(generateModule(wasmOpt ?? '', (seed + i) >>> 0))) {
        allocator.run(fn);
        checkAllocation(fn);
      }
    }
  });

  it('has a checker that notices a wrong register, a missing move and a lost value', () => {
    const broken = (sabotage: (fn: MachineFn) => boolean) => {
      const fn = selected(crowded)[1] as MachineFn;
      allocator.run(fn);
      expect(sabotage(fn)).toBe(true);
      return () => checkAllocation(fn);
    };
    const insts = (fn: MachineFn) => fn.blocks.flatMap((block) => block.insts);
    expect(
      broken((fn) => {
        const inst = insts(fn).find(({ useAt }) => (useAt[0] ?? SLOT) < SLOT);
        if (!inst) return false;
        inst.useAt = inst.useAt.with(0, (inst.useAt[0] as number) ^ 1);
        return true;
      }),
    ).toThrow(/is not in/);
    expect(
      broken((fn) => {
        const block = fn.blocks.find(({ moves }) => moves !== undefined);
        block?.moves?.clear();
        return block !== undefined;
      }),
    ).toThrow(/is not in|gets something else/);
    expect(
      broken((fn) => {
        const block = fn.blocks.find(({ endMoves }) => endMoves.length > 0);
        if (block) block.endMoves = [];
        return block !== undefined;
      }),
    ).toThrow(/gets something else/);
  });
});

it('register allocation takes time about linear in the length of a function', () => {
  const body = (n: number) =>
    wat(`(module (func (param i32 i32) (result i32)
      ${'(local.set 0 (i32.add (i32.mul (local.get 0) (local.get 1)) (local.get 0)))'.repeat(n)}
      (local.get 0)))`);
  const time = (wasm: Uint8Array) => {
    const start = performance.now();
    for (const fn of selected(wasm)) allocator.run(fn);
    return performance.now() - start;
  };
  time(body(2000));
  const short = time(body(2000));
  expect(time(body(16_000))).toBeLessThan(40 * short);
});

describe('a register that nothing defines', () => {
  it('is no register to allocate', () => {
    const [fn] = selected(
      wat('(module (func (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))'),
    );
    const [first] = fn?.blocks[0]?.insts ?? [];
    if (!fn || !first) throw new RangeError('there is no code');
    first.defs = [];
    expect(() => allocator.run(fn)).toThrow('is used and never defined');
  });
});
