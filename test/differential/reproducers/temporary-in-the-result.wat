;; The temporary of a comparison of floats was in the register of its result, where as many values as there are registers
;; are wanted at once: wrong on the parent of cea7f29, right since.
;;$ "equal" i64:0000000000000003 i64:0000000000000001
;;$ !memory
(module
  (memory (export "memory") 1)
  (global (export "global 0") (mut i32) (i32.const 0))
  (data (i32.const 0) "\0b\30\55\7a\9f\c4\e9\0e\33\58\7d\a2\c7\ec\11\36\5b\80\a5\ca\ef\14\39\5e\83\a8\cd\f2\17\3c\61\86\ab\d0\f5\1a\3f\64\89\ae\d3\f8\1d\42\67\8c\b1\d6\fb\20\45\6a\8f\b4\d9\fe\23\48\6d\92\b7\dc\01\26\4b\70\95\ba\df\04\29\4e\73\98\bd\e2\07\2c\51\76\9b\c0\e5\0a\2f\54\79\9e\c3\e8\0d\32\57\7c\a1\c6\eb\10\35\5a\7f\a4\c9\ee")
  (func (export "equal") (param i64 i64) (result i64) (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 f64)
    (local.set 2 (i64.mul (local.get 0) (i64.load (i32.const 16))))
    (local.set 3 (i64.mul (local.get 1) (i64.load (i32.const 24))))
    (local.set 4 (i64.mul (local.get 0) (i64.load (i32.const 32))))
    (local.set 5 (i64.mul (local.get 1) (i64.load (i32.const 40))))
    (local.set 6 (i64.mul (local.get 0) (i64.load (i32.const 48))))
    (local.set 7 (i64.mul (local.get 1) (i64.load (i32.const 56))))
    (local.set 8 (i64.mul (local.get 0) (i64.load (i32.const 64))))
    (local.set 9 (i64.mul (local.get 1) (i64.load (i32.const 72))))
    (local.set 10 (i64.mul (local.get 0) (i64.load (i32.const 80))))
    (local.set 11 (i64.mul (local.get 1) (i64.load (i32.const 88))))
    (local.set 12 (i64.mul (local.get 0) (i64.load (i32.const 96))))
    (local.set 6 (i64.extend_i32_u (f64.eq (local.get 13) (f64.convert_i64_s (local.get 10)))))
    local.get 0
    i64.const 7 i64.rotl local.get 1 i64.add
    i64.const 7 i64.rotl local.get 2 i64.add
    i64.const 7 i64.rotl local.get 3 i64.add
    i64.const 7 i64.rotl local.get 4 i64.add
    i64.const 7 i64.rotl local.get 5 i64.add
    i64.const 7 i64.rotl local.get 6 i64.add
    i64.const 7 i64.rotl local.get 7 i64.add
    i64.const 7 i64.rotl local.get 8 i64.add
    i64.const 7 i64.rotl local.get 9 i64.add
    i64.const 7 i64.rotl local.get 10 i64.add
    i64.const 7 i64.rotl local.get 11 i64.add
    i64.const 7 i64.rotl local.get 12 i64.add
  ))
