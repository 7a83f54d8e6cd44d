/** A stack machine's interpreter: one loop, one switch. It counts the steps of Collatz's sequences. */

const PUSH: u8 = 0;
const LOAD: u8 = 1;
const STORE: u8 = 2;
const ADD: u8 = 3;
const MULTIPLY: u8 = 4;
const AND: u8 = 5;
const SHIFT: u8 = 6;
const LESS: u8 = 7;
const EQUAL: u8 = 8;
const JUMP: u8 = 9;
const BRANCH: u8 = 10;
const HALT: u8 = 11;

/** Variables: 0 the limit, 1 the number, 2 where it has come to, 3 the steps of all. */
// biome-ignore format: a line for each place that is jumped to
const program = memory.data<u8>([
  /*  0 */ PUSH, 1, STORE, 1,
  /*  4 */ LOAD, 1, LOAD, 0, LESS, BRANCH, 14, LOAD, 3, HALT,
  /* 14 */ LOAD, 1, STORE, 2,
  /* 18 */ LOAD, 2, PUSH, 1, EQUAL, BRANCH, 60,
           LOAD, 3, PUSH, 1, ADD, STORE, 3, LOAD, 2, PUSH, 1, AND, BRANCH, 48,
           LOAD, 2, PUSH, 1, SHIFT, STORE, 2, JUMP, 18,
  /* 48 */ LOAD, 2, PUSH, 3, MULTIPLY, PUSH, 1, ADD, STORE, 2, JUMP, 18,
  /* 60 */ LOAD, 1, PUSH, 1, ADD, STORE, 1, JUMP, 4,
]);
const stack = memory.data(256, 16);
const variables = memory.data(64, 16);

function interpret(): i32 {
  let pc: usize = program;
  let sp: usize = stack;
  for (let operation = load<u8>(pc); operation !== HALT; operation = load<u8>(pc)) {
    pc++;
    switch (operation) {
      case PUSH:
        store<i32>(sp, load<u8>(pc));
        pc++;
        sp += 4;
        break;
      case LOAD:
        store<i32>(sp, load<i32>(variables + ((<usize>load<u8>(pc)) << 2)));
        pc++;
        sp += 4;
        break;
      case STORE:
        sp -= 4;
        store<i32>(variables + ((<usize>load<u8>(pc)) << 2), load<i32>(sp));
        pc++;
        break;
      case ADD:
        sp -= 4;
        store<i32>(sp - 4, load<i32>(sp - 4) + load<i32>(sp));
        break;
      case MULTIPLY:
        sp -= 4;
        store<i32>(sp - 4, load<i32>(sp - 4) * load<i32>(sp));
        break;
      case AND:
        sp -= 4;
        store<i32>(sp - 4, load<i32>(sp - 4) & load<i32>(sp));
        break;
      case SHIFT:
        sp -= 4;
        store<i32>(sp - 4, load<i32>(sp - 4) >> load<i32>(sp));
        break;
      case LESS:
        sp -= 4;
        store<i32>(sp - 4, load<i32>(sp - 4) < load<i32>(sp) ? 1 : 0);
        break;
      case EQUAL:
        sp -= 4;
        store<i32>(sp - 4, load<i32>(sp - 4) === load<i32>(sp) ? 1 : 0);
        break;
      case JUMP:
        pc = program + load<u8>(pc);
        break;
      case BRANCH:
        sp -= 4;
        pc = load<i32>(sp) ? program + load<u8>(pc) : pc + 1;
        break;
      default:
        unreachable();
    }
  }
  return load<i32>(sp - 4);
}

/** The steps of all numbers below `n` hundred. */
export function run(n: i32): i32 {
  memory.fill(variables, 0, 64);
  store<i32>(variables, n * 100);
  return interpret();
}
