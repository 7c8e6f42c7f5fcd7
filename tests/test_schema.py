"""What identifies a row must never change by itself: old runs would be measured again."""

import dataclasses
import hashlib
import json

import pytest

from stvsr_bench.schema import Job, digest

JOB = Job("stdan:top_t=9", "abc", "vimeö", "fast", "00001/0266", "suite-1.1-x")


def test_the_key_of_a_job_is_the_digest_of_its_fields_as_canonical_json():
    text = json.dumps(dataclasses.asdict(JOB), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert JOB.key == hashlib.sha256(text.encode()).hexdigest()[:16] == "d5936573a3a26b5f"


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Job)])
def test_every_field_of_a_job_is_part_of_its_key(field):
    assert dataclasses.replace(JOB, **{field: "other"}).key != JOB.key


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert digest({"a": 1, "b": [1.5, None]}) == digest({"b": [1.5, None], "a": 1})
