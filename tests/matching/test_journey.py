"""One case through matching: from complete records to an opinion that both recipients can open."""

import hashlib

from shared.events import OpinionDelivered, SpecialistAssigned
from shared.web.principals import Role
from tests.matching.conftest import Clinic


async def test_a_case_goes_from_complete_records_to_both_recipients(clinic: Clinic) -> None:
    # given a case that waits for a specialist
    case_id = await clinic.a_complete_case()
    waiting = (await clinic.lead.get("/api/matching/queues/to-match")).json()
    assert [item["title"] for item in waiting["items"]] == ["Case 7K3M-9QXW-C"]

    # when it is offered, accepted, written and signed
    offered = await clinic.offer(case_id, "Dr Imani Okafor", "Dr Annika Solberg")
    assert [one["state"] for one in offered.json()["offers"]] == ["offered", "waiting"]
    assert (await clinic.accept(clinic.imani)).status_code == 200
    saved = await clinic.write(case_id)
    assert saved.json()["gaps"] == []
    signed = await clinic.sign(case_id)
    assert signed.status_code == 200, signed.text
    assert signed.json()["state"] == "signed"
    await clinic.service.run_errands()

    # then each fact is told once, and what was told can be opened
    assigned, delivered = await clinic.service.emitted()
    assert isinstance(assigned, SpecialistAssigned)
    assert isinstance(delivered, OpinionDelivered)
    for role in (Role.PATIENT, Role.REQUESTER, Role.LOCAL_PHYSICIAN):
        document = await clinic.reader(role, case_id).get(f"/my/matching/cases/{case_id}/opinion.pdf")
        assert document.status_code == 200, role
        assert hashlib.sha256(document.content).hexdigest() == delivered.document_sha256
    for who in (clinic.imani, clinic.lead):
        assert (await who.get(f"/api/matching/cases/{case_id}/opinion.pdf")).status_code == 200
    receipts = await clinic.service.fetch("SELECT audience FROM receipts ORDER BY audience")
    assert [row["audience"] for row in receipts] == ["local_physician", "patient", "requester"]
    for queue in ("to-match", "my-offers", "to-write", "to-deliver"):
        open_items = await clinic.service.fetch("SELECT 1 FROM queue_items WHERE queue = $1 AND state <> 'done'", queue)
        assert open_items == [], queue
