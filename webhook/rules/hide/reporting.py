"""What people are told (platform-rules A.10): warnings, one denial with everything, the audit text.

Places and treatments; a value only where the entry allows it, never one of env, of a Secret or of
an annotation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import orjson

from webhook.model import Action, Json, Violation
from webhook.objects.paths import dotted
from webhook.rules.hide.config import Config
from webhook.rules.hide.entries import Treatment
from webhook.rules.hide.notes import SILENT, Note, Place, Spot, Verb, plain
from webhook.rules.hide.words import LANGUAGES, Words
from webhook.rules.messages import audit_text, shorten

CONTAINERS: Mapping[str, str] = {
    "containers": "container",
    "initContainers": "init container",
    "ephemeralContainers": "ephemeral container",
}
SECRET_STEPS = frozenset(("env", "envFrom", "annotations", "data", "stringData"))
MAX_WARNINGS = 10
MAX_SHOWN = 40
ACTIONS: Mapping[str, Action] = {
    "enforce": Action.DENY,
    "warn": Action.WARN,
    "audit": Action.AUDIT,
}


def warnings(notes: Iterable[Note], spec_phase: str, language: str) -> tuple[str, ...]:
    """Return what the writer should read: grouped by container, at most ten and a count."""
    words = LANGUAGES[language]
    verbs = words.verbs if spec_phase == "enforce" else words.would
    untold = SILENT | {Verb.DENIED} if spec_phase == "enforce" else SILENT
    groups: dict[tuple[str, str], list[str]] = {}
    for note in _wide_first(note for note in notes if note.verb not in untold):
        where, what = _parts(note.place, words)
        if note.verb is Verb.RENAMED:
            where = f"{words.kinds['container']} {note.detail}:"
        elif not where:
            where, what = what, ""
        groups.setdefault((where, _verb(note, verbs, words)), []).append(what)
    texts = [f"hide: {_joined(where, what)} {verb}" for (where, verb), what in groups.items()]
    return limited(texts, words)


def limited(texts: Sequence[str], words: Words) -> tuple[str, ...]:
    """Return ten short texts and how many there are besides."""
    shown = [shorten(text) for text in texts]
    if len(shown) <= MAX_WARNINGS:
        return tuple(shown)
    return (*shown[:MAX_WARNINGS], words.more.format(count=len(shown) - MAX_WARNINGS))


def _wide_first(notes: Iterable[Note]) -> list[Note]:
    """Return notes about the object or the Pod before those about elements of lists."""
    return sorted(notes, key=lambda note: any(isinstance(one, Spot) for one in note.place))


def _joined(where: str, what: Sequence[str]) -> str:
    paths = ", ".join(text for text in what if text)
    return f"{where}: {paths}" if where and paths else where or paths


def _verb(note: Note, verbs: Mapping[Verb, str], words: Words) -> str:
    if note.verb is Verb.RENAMED:
        return words.renamed
    if note.verb is Verb.DENIED:
        return verbs[Verb.DENIED]
    if note.entry.create is Treatment.RESTORE:
        verb = verbs[note.verb] + _platform_value(note, words)
        return f"{verb} ({words.platform_element.format(kind=_element_kind(note, words))})"
    shown = _shown(note)
    if note.verb is Verb.KEPT and note.entry.why:
        return f"{verbs[Verb.KEPT]} {shown} ({words.why[note.entry.why]})"
    if not shown or note.verb not in (Verb.KEPT, Verb.SET):
        return f"{verbs[note.verb]}{_platform_value(note, words)}"
    return f"{verbs[note.verb]} {shown} ({words.by_platform})"


def _element_kind(note: Note, words: Words) -> str:
    kind = {"volumes": "volume", **CONTAINERS}.get(str(note.place[-2]), "element")
    return words.kinds["container" if kind.endswith("container") else kind]


def _platform_value(note: Note, words: Words) -> str:
    return f" {words.platform_value}" if note.verb in (Verb.KEPT, Verb.SET) else ""


def _shown(note: Note) -> str:
    """Return the value as people may see it, "" when they may not."""
    is_plain = note.value is not None and not isinstance(note.value, dict | list)
    if not note.entry.show_value or not is_plain or not SECRET_STEPS.isdisjoint(plain(note.place)):
        return ""
    text = orjson.dumps(note.value).decode()
    return text if len(text) <= MAX_SHOWN else ""


def _parts(place: Place, words: Words) -> tuple[str, str]:
    """Return the container and the path inside it, or "" and the whole path."""
    for at, step in enumerate(place[:-1]):
        spot = place[at + 1]
        if step in CONTAINERS and isinstance(spot, Spot):
            above = place[:at]
            many = f"{path_text(above)}: " if any(isinstance(one, Spot) for one in above) else ""
            name = f"{many}{words.kinds[CONTAINERS[str(step)]]} {spot.name or spot.index}"
            return name, path_text(place[at + 2 :])
    last = place[-1]
    if isinstance(last, Spot) and place[-2] == "volumes":
        return f"{words.kinds['volume']} {last.name or last.index}", ""
    return "", path_text(place)


def path_text(place: Place) -> str:
    """Return the path as people read it, list elements with index and name (F-K05)."""
    text = ""
    for step in place:
        if isinstance(step, Spot):
            text += f"[{step.index}: {step.name}]" if step.name else f"[{step.index}]"
        else:
            key = dotted((step,))
            text += f".{key}" if text and not key.startswith("[") else key
    return text


def denials(notes: Sequence[Note], config: Config, value: Json) -> tuple[Violation, ...]:
    """Return one violation for each denial; the first says everything, for it is what is read."""
    denied = _wide_first(note for note in notes if note.verb is Verb.DENIED)
    words = LANGUAGES[config.spec.language]
    problems = list(dict.fromkeys(_problem(note, value, words) for note in denied))
    if not problems:
        return ()
    advice = _advice(denied, len(problems), words).format(contact=config.spec.contact)
    whole = f"hide: {'; '.join(problems)}. {advice}"
    first, *others = denied
    return (
        _violation(config, whole, first),
        *(_violation(config, f"hide: {_problem(one, value, words)}", one) for one in others),
    )


def _advice(denied: Sequence[Note], count: int, words: Words) -> str:
    """Return what to do; removing helps only where a field is at fault, not the write itself."""
    if all(note.detail for note in denied):
        return words.ask
    return words.ask_one if count == 1 else words.ask_many


def _violation(config: Config, message: str, note: Note) -> Violation:
    return Violation(
        origin="hide",
        message=message,
        action=ACTIONS[config.spec.phase],
        path=dotted(plain(note.place)),
        policy=config.document,
    )


def _problem(note: Note, value: Json, words: Words) -> str:
    if note.detail:
        return note.detail
    where, what = _parts(note.place, words)
    last = note.place[-1]
    if isinstance(last, Spot) and note.place[-2] == "volumes":
        source = note.entry.path.rpartition("?")[2].removesuffix("]")
        return words.uses.format(where=where, source=source) + _mounts(note.place, value, words)
    return words.reserved.format(where=_joined(where, [what]))


def _mounts(place: Place, value: Json, words: Words) -> str:
    """Return which containers mount the volume, and where."""
    name = place[-1].name if isinstance(place[-1], Spot) else ""
    spec = value
    for step in plain(place[:-2]):
        spec = spec[step]
    found = [
        f"{words.kinds[CONTAINERS[field]]} {one.get('name')} {words.at} {mount.get('mountPath')}"
        for field in CONTAINERS
        for one in _maps(spec.get(field))
        for mount in _maps(one.get("volumeMounts"))
        if mount.get("name") == name
    ]
    return f" ({words.mounted} {', '.join(found)})" if found else ""


def _maps(value: Json) -> list[dict[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def observed(notes: Sequence[Note], config: Config) -> tuple[Violation, ...]:
    """Return one violation that counts what the rule would do in phase enforce."""
    done = [note for note in notes if note.verb not in (Verb.DENIED, Verb.WARNED, Verb.DRIFT)]
    if not done:
        return ()
    counts: dict[str, int] = {}
    for note in done:
        counts[note.verb] = counts.get(note.verb, 0) + 1
    text = ", ".join(f"{verb} {count}" for verb, count in sorted(counts.items()))
    message = f"hide: document {config.name} (phase {config.spec.phase}) would have {text}"
    return (_violation(config, message, done[0]),)


def annotation(notes: Iterable[Note], phase: str) -> Mapping[str, str]:
    """Return the audit annotation `hide`: places and treatments; none without notes."""
    entries: list[Json] = [
        {"path": dotted(plain(note.place)), "treatment": str(note.verb)} for note in notes
    ]
    if phase != "enforce":
        entries = [{**entry, "phase": phase} for entry in entries]
    return {"hide": audit_text(entries)} if entries else {}
