;; A sum of a call's first result was put between the call and its other results, which then had no register: wrong on
;; the parent of the commit that brought this file. In "g" the lost one is an address.
;;$ "f" i32:00000001 i32:00000009
;;$ "f" i32:00000005 i32:ffffffff
;;$ "g" i32:00000001 i64:0000000000000009
;;$ "h" i32:00000001 i32:00000009 i32:00000005
;;$ "h" i32:00000004 i32:00000002 i32:80000000
(module
  (memory (export "memory") 1)
  (func $two (param i32) (result i32 i32) (local.get 0) (i32.add (local.get 0) (i32.const 1000)))
  (func (export "f") (param $n i32) (param $x i32) (result i32 i32)
    (local $i i32) (local $acc i32) (local $o i32) (local $r i32)
    (loop $l
      (call $two (local.get $i)) (local.set $r)
      (local.set $acc (i32.add (i32.add (local.get $acc)) (local.get $x)))
      (local.set $o (i32.xor (local.get $o) (local.get $r)))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $acc) (local.get $o))
  (func $big (param i64) (result i64 i32) (i64.mul (local.get 0) (i64.const 0x123456789abcdef1)) (i32.const 16))
  (func (export "g") (param $n i32) (param $x i64) (result i64 i32)
    (local $i i32) (local $acc i64) (local $o i32) (local $r i32)
    (loop $l
      (call $big (i64.extend_i32_u (local.get $i))) (local.set $r)
      (local.set $acc (i64.add (i64.add (local.get $acc)) (local.get $x)))
      (local.set $o (i32.xor (local.get $o) (i32.load (local.get $r))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $acc) (local.get $o))
  (func (export "h") (param $n i32) (param $x i32) (param $y i32) (result i32 i32)
    (local $i i32) (local $acc i32) (local $o i32) (local $r i32)
    (loop $l
      (call $two (local.get $i)) (local.set $r)
      (local.set $o (i32.xor (local.get $o)))
      (local.set $acc (i32.xor (i32.xor (local.get $acc) (i32.add (local.get $r) (i32.const 1))) (local.get $x)))
      (local.set $acc (i32.add (i32.add (i32.add (local.get $acc) (local.get $x)) (local.get $y)) (local.get $r)))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $acc) (local.get $o)))
