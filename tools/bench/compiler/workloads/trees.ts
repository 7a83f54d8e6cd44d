/** Binary search trees: grown node by node, walked, and collected. */

class Node {
  left: Node | null = null;
  right: Node | null = null;
  key: i32;

  constructor(key: i32) {
    this.key = key;
  }
}

function insert(node: Node | null, key: i32): Node {
  if (node === null) return new Node(key);
  if (key < node.key) node.left = insert(node.left, key);
  else node.right = insert(node.right, key);
  return node;
}

function has(root: Node | null, key: i32): bool {
  let node = root;
  while (node !== null) {
    if (key === node.key) return true;
    node = key < node.key ? node.left : node.right;
  }
  return false;
}

function sum(node: Node | null): i32 {
  return node === null ? 0 : sum(node.left) + node.key + sum(node.right);
}

/** `n` trees of 2000 nodes. */
export function run(n: i32): i32 {
  let total = 0;
  let random: u32 = 1;
  for (let q = 0; q < n; q++) {
    let tree: Node | null = null;
    for (let i = 0; i < 2000; i++) {
      random = random * 1664525 + 1013904223;
      tree = insert(tree, random >>> 16);
    }
    for (let i = 0; i < 20; i++) total += sum(tree);
    for (let i = 0; i < 4000; i++) if (has(tree, i << 4)) total++;
    tree = null;
  }
  __collect();
  return total;
}
