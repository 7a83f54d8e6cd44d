import type { Emitter } from './emitter.ts';
import { Cc, type Form } from './forms.ts';

const LOGICAL = new Set(['and', 'or', 'xor', 'andn']);
const ARITHMETIC = new Set(['add', 'sub', 'neg', 'shl', 'shr', 'sar']);

/** What the flags tell right after an operation: a `test` of its result may tell no more. */
export class Flags {
  readonly #asm: Emitter;
  /** How far the code goes after which they hold. */
  #at = -1;
  #register = -1;
  #isWide = false;
  #isLogical = false;

  constructor(asm: Emitter) {
    this.#asm = asm;
  }

  /** Others may come here. */
  forget(): void {
    this.#at = -1;
  }

  /** Notes that `form` has just been written, with its result in the register. */
  note(register: number, { instruction: { mnemonic }, rexW }: Form): void {
    this.#isLogical = LOGICAL.has(mnemonic);
    if (!this.#isLogical && !ARITHMETIC.has(mnemonic)) return;
    this.#at = this.#asm.size;
    this.#register = register;
    this.#isWide = rexW !== 0;
  }

  /**
   * Whether they are those of a `test` of the register with itself, as far as a condition asks: additions
   * and shifts leave carry and overflow otherwise.
   */
  areOfTest(register: number, test: Form, condition: number): boolean {
    if (this.#at !== this.#asm.size || this.#register !== register) return false;
    if (this.#isWide !== (test.rexW !== 0)) return false;
    return this.#isLogical || condition === Cc.E || condition === Cc.NE;
  }
}
