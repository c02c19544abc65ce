"""An inspector's phone in sixty lines: enrol, take a checklist, seal an answer with a photograph, keep the receipt.

Run by the README's tour with URL, CODE (a one-time code for the officer) and ADMIN (a token that may confirm phones).
The phone is clients/python: it knows the protocol and nothing of the server's inside.
"""

import os
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

import httpx

from anshao_phone import Phone, check_receipt, sha256_of
from app.demo.photos import make_photo

http = httpx.Client(base_url=os.environ["URL"], timeout=30, trust_env=False)
admin = {"Authorization": f"Bearer {os.environ['ADMIN']}"}

phone = Phone(Path(tempfile.mkdtemp()), http, "README 的终端")
fingerprint = phone.enroll(os.environ["CODE"])  # the phone shows it, the administrator compares
confirmation = f"/api/v1/devices/{phone.device.device_id}/confirmation"
http.post(
    confirmation, json={"fingerprint": fingerprint}, headers={**admin, "If-Match": '"1"'}
).raise_for_status()
phone.refresh()

listed = phone.request("GET", "/templates").json()["templates"]
template = next(row for row in listed if row["code"] == "rto")
site = http.get("/api/v1/sites?limit=1", headers=admin).json()["items"][0]
authority = http.get("/api/v1/authorities?limit=1", headers=admin).json()["items"][0]

now = datetime.now(timezone(timedelta(hours=8)))
photo = phone.capture(make_photo("RTO-01", now, 30.27, 120.15), question="RTO-01")
package = phone.seal(
    {
        "kind": "inspection",
        "visit_id": str(uuid4()),
        "authority_id": authority["id"],
        "enterprise_id": site["enterprise_id"],
        "site_id": site["id"],
        "officers": [str(phone.device.user_id)],
        "legal_date": now.date().isoformat(),
        "template": {"code": "rto", "version": template["number"], "hash": template["content_hash"]},
        "times": {"started_at": now.isoformat(), "sealed_at": now.isoformat()},
        "answers": {"RTO-01": {"value": "no"}},
        "party": {
            "outcome": "refused",
            "reason": "负责人不在现场",
            "text_hash": sha256_of("现场检查记录".encode()),
        },
    },
    [photo],
)
(receipt,) = phone.synchronize().released  # checked already; once more, to show what it takes
assert phone.device.device_id is not None
expected = phone.outbox.expected(package.id, phone.device.device_id)
verifies = check_receipt(receipt.body, expected, phone.outbox.pinned_keys()).sha256 == receipt.sha256
answer = phone.request("GET", f"/packages/{package.id}").json()
print("sealed ", package.sha256)  # noqa: T201
print("flagged", sorted({issue["code"] for issue in answer["issues"]}), "signable:", answer["signable"])  # noqa: T201
print("receipt verifies offline:", verifies)  # noqa: T201
