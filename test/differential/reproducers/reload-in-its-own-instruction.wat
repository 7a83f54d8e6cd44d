;; An interval that an instruction read from memory was reloaded before that instruction, into a register that it
;; needed: "no place to reload" on the parent of 408c6ba, right since.
;;$ "f" i32:00000001 i32:00000001 i64:0000000000000001
;;$ "f" i32:ffffffff i32:0000ff0f i64:8000000000000000
(module
  (memory (export "memory") 1)
  (global (export "global 0") (mut i32) (i32.const 0))
  (func (export "f") (param $a i32) (param $b i32) (param $c i64) (result i64)
    (local $i0 i32) (local $i1 i32) (local $i2 i32) (local $x i32) (local $y i32) (local $z i64)
    (block $out0
      (loop $on0
        (br_if $out0 (i32.and (local.get $b) (i32.const 15)))
        (block $out1
          (loop $on1
            (br_if $out1 (i32.and (local.get $b) (i32.const 15)))
            (local.set $z (i64.add (i64.const 2) (local.get $z)))
            (if (i32.sub (local.get $y) (local.get $i0))
              (then)
              (else
                (block $out2
                  (loop $on2
                    (br_if $out2 (local.get $i2))
                    (i64.store32 (local.get $b) (i64.extend_i32_s (local.get $i1)))
                    (local.set $x
                      (i32.add
                        (local.get $x)
                        (i32.ne
                          (i32.and (local.get $a) (i32.const 1023))
                          (i32.ge_s
                            (i32.div_u (local.get $b) (i32.or (local.get $b) (i32.const 1)))
                            (i32.wrap_i64 (local.get $z))))))
                    (local.set $x (i32.shl (local.get $i2) (local.get $x)))
                    (local.set $i2 (i32.const -1))
                    (br $on2)))))
            (local.set $i1 (i32.const 1))
            (br $on1)))
        (if (local.get $b)
          (then (if (local.get $i1) (then (local.set $y (i32.wrap_i64 (local.get $c)))))))
        (local.set $i0 (i32.const 2))
        (br $on0)))
    (i64.extend_i32_s (local.get $x))))
