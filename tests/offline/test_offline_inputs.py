"""Texts from files, directories and ConfigMaps."""

from __future__ import annotations

from pathlib import Path

from tests.offline.texts import policy
from webhook.offline.inputs import read_documents, read_inputs

LABELS = '{propylon.dev/policies: "true"}'


def config_map(name: str, data: str, labels: str = LABELS) -> str:
    return (
        "apiVersion: v1\nkind: ConfigMap\n"
        f"metadata: {{name: {name}, namespace: n, labels: {labels}}}\ndata: {data}\n"
    )


def test_every_key_of_a_config_map_is_a_document(tmp_path: Path) -> None:
    text = (
        config_map("a", "{x.yaml: 'a: 1', notes: n, b.yaml: '', c.yaml: 5}")
        + "---\n"
        + config_map("b", "{}")
    )
    file = tmp_path / "file.txt"
    file.write_text(text)
    found = read_inputs([file])
    assert [(one.key, one.document.text) for one in found] == [("b.yaml", ""), ("x.yaml", "a: 1")]
    assert found[1].document.origin == f"{file}: ConfigMap n/a, key x.yaml"


def test_other_texts_stay_whole(tmp_path: Path) -> None:
    texts = [
        config_map("a", "5"),
        policy(),
        config_map("a", "{}", "{}"),
        config_map("a", "{}") + "---\n" + policy(),
    ]
    for at, text in enumerate(texts):
        (tmp_path / f"{at}.yaml").write_text(text)
    assert [one.text for one in read_documents([tmp_path])] == texts
