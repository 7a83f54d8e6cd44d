#!/bin/sh
# Makes the chain of the machine's chip anew: ARK, ASK, VCEK, and the VCEK's key. The keys of ARK and ASK
# are thrown away. CHIP_ID and TCB are those of ../chip.ts.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chip=$(sed -n "s/^ *'\([0-9a-f]\{64\}\)'.*/\1/p" ../chip.ts | tr -d '\n')
oid=1.3.6.1.4.1.3704.1
pss='-sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48 -sigopt rsa_mgf1_md:sha384'
name='/OU=Engineering/C=US/O=Tacit test chip/CN='
days=9131
cat > "$work/ca.cnf" <<CNF
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[vcek]
$oid.1 = ASN1:INTEGER:0
$oid.2 = ASN1:IA5STRING:Milan-B0
$oid.3.1 = ASN1:INTEGER:3
$oid.3.2 = ASN1:INTEGER:0
$oid.3.3 = ASN1:INTEGER:20
$oid.3.4 = ASN1:INTEGER:0
$oid.3.5 = ASN1:INTEGER:0
$oid.3.6 = ASN1:INTEGER:0
$oid.3.7 = ASN1:INTEGER:0
$oid.3.8 = ASN1:INTEGER:209
$oid.4 = DER:$chip
CNF
for ca in ark ask; do
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out "$work/$ca.key"
done
openssl ecparam -name secp384r1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out vcek.key.pem
sign() { # key subject extensions certificate issuer options
  openssl req -new -key "$1" -subj "$name$2" -out "$work/request"
  # shellcheck disable=SC2086
  openssl x509 -req -in "$work/request" -days $days $pss -extfile "$work/ca.cnf" -extensions "$3" \
    -set_serial "0x$4" -out "$5" $6
}
sign "$work/ark.key" ARK-Milan ca 10001 ark.pem "-signkey $work/ark.key"
sign "$work/ask.key" SEV-Milan ca 10002 ask.pem "-CA ark.pem -CAkey $work/ark.key"
sign vcek.key.pem SEV-VCEK vcek 0 vcek.pem "-CA ask.pem -CAkey $work/ask.key"
