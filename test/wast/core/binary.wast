;; The binary format. Wasm 2.0 §5.

(module binary "\00asm\01\00\00\00")
(assert_malformed (module binary "") "unexpected end")
(assert_malformed (module binary "\00as") "unexpected end")
(assert_malformed (module binary "\00asn\01\00\00\00") "magic header not detected")
(assert_malformed (module binary "\00asm\02\00\00\00") "unknown binary version")
(assert_malformed (module binary "\00asm\01\00\00\00\0e\01\00") "malformed section id")
;; A section longer than the file, and one longer than its contents.
(assert_malformed (module binary "\00asm\01\00\00\00\01\05\01") "unexpected end")
(assert_malformed (module binary "\00asm\01\00\00\00\01\05\01\60\00\00\00") "section size mismatch")
;; Sections in the wrong order, and twice.
(assert_malformed
  (module binary "\00asm\01\00\00\00\03\02\01\00\01\04\01\60\00\00") "unexpected content")
(assert_malformed
  (module binary "\00asm\01\00\00\00\01\04\01\60\00\00\01\04\01\60\00\00") "unexpected content")
;; Functions without code.
(assert_malformed
  (module binary "\00asm\01\00\00\00\01\04\01\60\00\00\03\02\01\00")
  "function and code section have inconsistent lengths")
;; LEB128 numbers that are too long, or too large.
(assert_malformed
  (module binary "\00asm\01\00\00\00\05\08\01\00\82\80\80\80\80\00") "integer representation too long")
(assert_malformed
  (module binary "\00asm\01\00\00\00\05\07\01\00\82\80\80\80\70") "integer too large")
;; 82 80 80 80 00 is 2, in more bytes than need be, which is allowed.
(module binary "\00asm\01\00\00\00\05\07\01\00\82\80\80\80\00")
;; A name that is not UTF-8.
(assert_malformed
  (module binary "\00asm\01\00\00\00\05\03\01\00\01\07\05\01\01\ff\02\00") "malformed UTF-8 encoding")
;; An opcode that does not exist, and a body without its end.
(assert_malformed
  (module binary "\00asm\01\00\00\00\01\04\01\60\00\00\03\02\01\00\0a\05\01\03\00\ff\0b")
  "illegal opcode")
(assert_malformed
  (module binary "\00asm\01\00\00\00\01\04\01\60\00\00\03\02\01\00\0a\04\01\02\00\01")
  "unexpected end")
;; Custom sections may stand anywhere, and hold anything after their name.
(module binary "\00asm\01\00\00\00\00\03\01a\ff\01\01\00\00\03\01b\00")
