#!/usr/bin/env bash
# certs.sh FOLDER: the certificates that the tests of TLS use, made anew.
set -euo pipefail
cd "$1"

authority() { # NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
        -subj "/CN=$1" -keyout "$1.key" -out "$1.pem"
}

# certificate NAME AUTHORITY DAYS [NAMES]
certificate() {
    local extensions=()

    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
        -keyout "$1.key" -out "$1.csr"
    if [[ -n ${4:-} ]]; then
        echo "subjectAltName=$4" >"$1.ext"
        extensions=(-extfile "$1.ext")
    fi
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days "$3" \
        -out "$1.pem" "${extensions[@]}"
}

{
    authority ca
    authority other-ca
    certificate server ca 30 DNS:localhost,IP:127.0.0.1
    certificate server-next other-ca 30 DNS:localhost,IP:127.0.0.1
    certificate alice ca 30 URI:spiffe://example/alice,DNS:alice.example
    certificate bob ca 30
    certificate nobody ca 30 DNS:nobody.example
    certificate two ca 30 URI:spiffe://example/alice,DNS:bob.example
    certificate expired ca -1 URI:spiffe://example/alice
    certificate stranger other-ca 30 URI:spiffe://example/alice
} >log 2>&1 || { cat log >&2; exit 1; }
