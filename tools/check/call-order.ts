import type { Analysis, FunctionState } from './analysis.ts';

const CALL = 0xe8;
const CALL_SIZE = 5;

/**
 * The functions, callees before callers where that is possible: what calls leave behind is then mostly
 * known when it is asked for. Only an order: bytes that look like a call are taken for one.
 */
export function callOrder({ program, functions }: Analysis): FunctionState[] {
  const order: FunctionState[] = [];
  const seen = new Set<FunctionState>();
  for (const root of functions.values()) {
    if (seen.has(root)) continue;
    seen.add(root);
    const path = [{ fn: root, callees: callees(root)[Symbol.iterator]() }];
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const { value, done } = top.callees.next();
      if (done) {
        order.push(top.fn);
        path.pop();
      } else if (!seen.has(value)) {
        seen.add(value);
        path.push({ fn: value, callees: callees(value)[Symbol.iterator]() });
      }
    }
  }
  return order;

  function callees({ code }: FunctionState): FunctionState[] {
    const bytes = program.memory.read(code.start, code.end - code.start) ?? new Uint8Array();
    const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const found: FunctionState[] = [];
    for (let at = bytes.indexOf(CALL); at >= 0; at = bytes.indexOf(CALL, at + 1)) {
      if (at + CALL_SIZE > bytes.length) break;
      const target = code.start + at + CALL_SIZE + data.getInt32(at + 1, true);
      const callee = functions.get(target);
      if (callee) found.push(callee);
    }
    return found;
  }
}
