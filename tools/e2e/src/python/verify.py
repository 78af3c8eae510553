"""Verifies a ledger and receipts with CCF's own Python package, at its strictest level.

Arguments: ledger directory, certificate of the service, directory of receipts, which need not be there. Prints how far the ledger is verified.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path

import ccf.ledger
import ccf.receipt
from cryptography.x509 import load_pem_x509_certificate


def verify_ledger(directory, service):
    level = ccf.ledger.VerificationLevel.FULL
    validator = ccf.ledger.LedgerValidator(accept_deprecated_entry_types=False, verification_level=level)
    ledger = ccf.ledger.Ledger([directory], committed_only=False, verification_level=level)
    for chunk in ledger:
        for transaction in chunk:
            validator.add_transaction(transaction)
    assert validator.service_status == "Open", validator.service_status
    named = load_pem_x509_certificate(validator.service_cert.encode())
    assert named == service, "the ledger names another service"
    print(
        json.dumps(
            {
                "chunks": len(ledger),
                "transactions": validator.transaction_count,
                "signatures": validator.signature_count,
                "verified": str(validator.last_verified_txid()),
            }
        )
    )


def verify_json(receipt, service, claims):
    node = load_pem_x509_certificate(receipt["cert"].encode())
    ccf.receipt.check_endorsements(node, service, [])
    ccf.receipt.check_cert_chain(node, service, [])
    if "leaf" in receipt:
        leaf = receipt["leaf"]
    else:
        components = receipt["leaf_components"]
        assert components["claims_digest"] == claims.hex()
        evidence = sha256(components["commit_evidence"].encode()).digest()
        leaf = sha256(bytes.fromhex(components["write_set_digest"]) + evidence + claims).hexdigest()
    root = ccf.receipt.root(leaf, receipt["proof"])
    ccf.receipt.verify(root, receipt["signature"], node)


def main():
    ledger, service, receipts = sys.argv[1:]
    service = load_pem_x509_certificate(Path(service).read_bytes())
    verify_ledger(ledger, service)
    for path in sorted(Path(receipts).glob("*")):
        claims = bytes.fromhex(path.name.split(".")[0].split("-")[1])
        if path.suffix == ".json":
            verify_json(json.loads(path.read_bytes()), service, claims)
        else:
            ccf.receipt.verify_cose(path.read_bytes(), service.public_key(), claims)


main()
