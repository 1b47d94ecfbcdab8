"""Whatever is sent to the interfaces to scans: no server error, and no answer that their OpenAPI document doesn't name."""

import pytest
from schemathesis import GenerationMode

from services.records.imaging.headers import read_header
from services.records.store import cases, imaging
from tests.records import cd
from tests.records.conftest import Case
from tests.support.answers import MODES, try_everything

EXAMPLES = 2
"""Of each kind (fit and unfit) for each operation: some seconds in all."""
FILE = cd.dicom_files()["test_files/CT_small.dcm"]


async def places(case: Case) -> dict[str, object]:
    """Return ids of what is there: a scan of one image."""
    document = await case.uploads("imaging", FILE.read_bytes(), name="IM1")
    header = read_header(FILE)
    async with case.records.ctx.db.transaction() as tx:
        await cases.hold(tx, case.id)
        await imaging.add_instances(tx, case.id, [(document, header)])
    uids = {
        name: header["metadata"][tag]["Value"][0]
        for name, tag in (("study", "0020000D"), ("series", "0020000E"), ("sop", "00080018"))
    }
    return {
        "case_id": case.id,
        "document_id": document,
        "series_uid": uids["series"],
        "frame": 1,
        "frames": "1",
        **uids,
    }


@pytest.mark.parametrize("mode", MODES, ids=["fit", "unfit"])
@pytest.mark.parametrize("below", ["/imaging", "/dicomweb"])
async def test_every_answer_is_one_that_the_document_names(case: Case, mode: GenerationMode, below: str) -> None:
    seen = await try_everything(case.records, mode, await places(case), EXAMPLES, below=below)  # type: ignore[arg-type]
    reached = set().union(*seen.values())
    assert len(seen) >= 3
    assert reached >= ({200, 404} if mode is GenerationMode.POSITIVE else {422}), seen
